import { EventEmitter } from 'node:events'
import { match } from 'ts-pattern'
import { type CallEvent, type CallState, type Effect, type EndReason, transition } from './call-state.ts'
import type { Media } from './media.ts'
import type { Invite, Presence } from './messages.ts'
import type { Session, SessionEnd } from './session.ts'

export interface CallEventMap {
  /** It rings at the far side. */
  ringing: []
  /** The far side has answered, and says where the media go. */
  accepted: [media: Media]
  text: [text: string]
  presence: [presence: Presence]
  /** The connection of the signalling is lost, and why; the call goes on. */
  lost: [why: string]
  /** There is a connection again, and what was said meanwhile is on its way. */
  back: []
  /** Once; nothing comes after it. */
  ended: [end: EndReason]
}

export interface CallOptions {
  /** Milliseconds after which a caller gives up when nobody answers. Default 30,000. */
  readonly noAnswer?: number | undefined
}

/** One call, from either end. Made by `dial`, and by `answerCalls` for those that come in. */
export class Call extends EventEmitter<CallEventMap> {
  readonly invite: Invite
  /** Whether we are the one who is called. */
  readonly isIncoming: boolean
  /** Resolves when it has ended, however it did. */
  readonly ended: Promise<EndReason>
  /** Resolves when the far side knows of the end, or cannot be told, and the connection is closed. */
  readonly closed: Promise<void>
  readonly #session: Session
  readonly #noAnswer: number
  #state: CallState = { name: 'idle' }
  #answerTimer: NodeJS.Timeout | undefined
  #tellEnd: (end: EndReason) => void = () => undefined

  constructor(session: Session, invite: Invite, isIncoming: boolean, { noAnswer = 30_000 }: CallOptions = {}) {
    super()
    this.invite = invite
    this.isIncoming = isIncoming
    this.ended = new Promise((resolve) => (this.#tellEnd = resolve))
    this.closed = session.closed
    this.#session = session
    this.#noAnswer = noAnswer
    session.on('message', (message) => this.#handle({ type: 'got', message }))
    session.on('lost', (why) => this.#handle({ type: 'lost', why }))
    session.on('back', () => this.#handle({ type: 'back' }))
    session.on('end', (end) => this.#sessionEnded(end))
    if (isIncoming) this.#handle({ type: 'got', message: invite })
    else this.#act({ type: 'dial', invite })
  }

  get state(): CallState['name'] {
    return this.#state.name
  }

  /** Takes the call; `media` is where the caller shall send voice and video. */
  answer(media: Media): void {
    this.#act({ type: 'answer', media })
  }

  /** Does not take the call. */
  decline(reason = ''): void {
    this.#act({ type: 'decline', reason })
  }

  /** Ends the call, whatever its state. The far side is told as soon as it can be. */
  hangUp(reason = ''): void {
    this.#act({ type: 'hang up', reason })
  }

  /** Ends the call as `hangUp` does, but tries no more to tell the far side: for one that is known to be gone. */
  abandon(reason = ''): void {
    this.hangUp(reason)
    this.#session.close()
  }

  /**
   * Says a text, which arrives once and in order; without a connection, when there is one again. Throws where the call is
   * over, and a `RangeError` where the text is too long or too much waits to arrive already.
   */
  say(text: string): void {
    this.#act({ type: 'say', text })
  }

  /** Shows whether we are there. It is left out where too much waits already: a later one says more. */
  show(presence: Presence): void {
    try {
      this.#act({ type: 'show', presence })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
  }

  #act(event: CallEvent): void {
    const { effects } = transition(this.#state, event)
    for (const effect of effects) {
      if (effect.do === 'refuse') throw new Error(effect.why)
      if (effect.do === 'send') this.#session.check(effect.message)
    }
    this.#handle(event)
  }

  #handle(event: CallEvent): void {
    const { state, effects } = transition(this.#state, event)
    this.#state = state
    this.#watchForAnswer()
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: Effect): void {
    match(effect)
      .with({ do: 'send' }, ({ message }) => this.#session.send(message))
      .with({ do: 'finish' }, () => this.#session.finish())
      .with({ do: 'close' }, () => this.#session.close())
      .with({ do: 'fail' }, ({ reason }) => this.#session.fail(reason))
      .with({ event: 'ringing' }, () => this.emit('ringing'))
      .with({ event: 'accepted' }, ({ media }) => this.emit('accepted', media))
      .with({ event: 'text' }, ({ text }) => this.emit('text', text))
      .with({ event: 'presence' }, ({ presence }) => this.emit('presence', presence))
      .with({ event: 'lost' }, ({ why }) => this.emit('lost', why))
      .with({ event: 'back' }, () => this.emit('back'))
      .with({ event: 'ended' }, ({ end }) => {
        this.#tellEnd(end)
        this.emit('ended', end)
      })
      // Only what the user does is refused, and `#act` has thrown by then.
      .with({ do: 'refuse' }, () => undefined)
      .exhaustive()
  }

  #watchForAnswer(): void {
    if (this.#state.name === 'inviting' || this.#state.name === 'alerted') {
      this.#answerTimer ??= setTimeout(() => this.#handle({ type: 'no answer' }), this.#noAnswer)
    } else {
      clearTimeout(this.#answerTimer)
    }
  }

  #sessionEnded(end: SessionEnd): void {
    match(end)
      // It was the call that wanted it.
      .with({ kind: 'finished' }, () => undefined)
      .with({ kind: 'unreachable' }, ({ reason }) => this.#handle({ type: 'unreachable', reason }))
      .with({ kind: 'lost' }, () => this.#handle({ type: 'patience over' }))
      .with({ kind: 'error' }, ({ reason, byUs }) => this.#handle({ type: 'protocol error', reason, byUs }))
      .exhaustive()
  }
}
