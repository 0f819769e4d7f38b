import type { Listener, StreamEndpoint } from 'polysocket'
import { Call } from './call.ts'
import { Connection, type DeliveredMessage } from './connection.ts'
import type { CallMessage } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'
import { DEFAULT_PATIENCE, Session, type SessionOptions } from './session.ts'

export interface SwitchboardOptions extends SessionOptions {
  /** Calls that may be on at a time; another caller is told that we are busy. Default 1. */
  readonly mostCalls?: number | undefined
  /** Milliseconds that a stranger has to say what it wants. Default 5,000. */
  readonly greetingTimeout?: number | undefined
}

/**
 * Gives each call that comes in to `onCall`, ringing. It takes the listener over, and closes it in the end; should the listener
 * fail before that, as with an adapter that was taken away, the listener's own 'error' tells.
 */
export function answerCalls(
  listener: Listener<StreamEndpoint>,
  onCall: (call: Call) => void,
  options: SwitchboardOptions = {},
): Switchboard {
  if (listener.facts.kind !== 'stream')
    throw new TypeError('signalling needs a listener of streams, such as tcp or unix')
  return new Switchboard(listener, onCall, options)
}

/** Brings connections together with the calls that they are for. */
export class Switchboard implements AsyncDisposable {
  readonly #listener: Listener<StreamEndpoint>
  readonly #onCall: (call: Call) => void
  readonly #options: SwitchboardOptions
  /** By the id of the call. */
  readonly #sessions = new Map<string, Session>()
  /** Those that have not ended. */
  readonly #calls = new Set<Call>()
  /** Calls that have ended, by their ids, for as long as their callers may not know. */
  readonly #over = new Set<string>()
  /** Of which it is not known yet what they are for. */
  readonly #strangers = new Set<Connection>()
  readonly #onConnection = (endpoint: StreamEndpoint): void => this.#welcome(endpoint)
  #closing: Promise<void> | undefined

  constructor(listener: Listener<StreamEndpoint>, onCall: (call: Call) => void, options: SwitchboardOptions) {
    this.#listener = listener
    this.#onCall = onCall
    this.#options = options
    listener.on('connection', this.#onConnection)
  }

  /** Those that ring or are on. */
  get calls(): readonly Call[] {
    return [...this.#calls]
  }

  /**
   * Takes no new calls, hangs up those that are on, and waits until the callers know: connections are still taken, since a
   * caller may be about to come back. At most for the patience; then the listener is closed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const call of this.#calls) call.hangUp('the far side has closed')
    for (const session of this.#sessions.values()) session.finish()
    await Promise.all([...this.#sessions.values()].map(({ closed }) => closed))
    this.#listener.off('connection', this.#onConnection)
    for (const stranger of this.#strangers) stranger.close({ type: 'error', reason: 'nobody answers here any more' })
    await Promise.all([...this.#strangers].map(({ closed }) => closed))
    await this.#listener.close()
  }

  #welcome(endpoint: StreamEndpoint): void {
    const timer = setTimeout(() => {
      connection.close({ type: 'error', reason: 'nothing was said for too long' })
    }, this.#options.greetingTimeout ?? 5000)
    const connection = new Connection(
      endpoint,
      {
        onMessage: (message) => {
          clearTimeout(timer)
          this.#strangers.delete(connection)
          this.#route(connection, message)
        },
        onLost: () => undefined,
        onBroken: () => undefined,
      },
      this.#options,
    )
    this.#strangers.add(connection)
    void connection.closed.then(() => {
      clearTimeout(timer)
      this.#strangers.delete(connection)
    })
  }

  #route(connection: Connection, message: DeliveredMessage): void {
    if (message.type !== 'resume') throw new ProtocolError(`a connection begins with resume, not with ${message.type}`)
    const { call, received } = message
    const session = this.#sessions.get(call)
    if (session !== undefined) session.take(connection, received)
    else if (received > 0 || this.#over.has(call)) throw new ProtocolError('there is no such call here')
    else if (this.#closing !== undefined) throw new ProtocolError('nobody answers here any more')
    else this.#open(call).take(connection, received)
  }

  #open(call: string): Session {
    const session = new Session(call, this.#options)
    const timer = setTimeout(
      () => session.fail('no invitation has come for too long'),
      this.#options.greetingTimeout ?? 5000,
    )
    this.#sessions.set(call, session)
    session.once('message', (message) => {
      clearTimeout(timer)
      this.#invited(session, message)
    })
    session.once('end', () => {
      clearTimeout(timer)
      void session.closed.then(() => this.#sessions.delete(call))
    })
    return session
  }

  #invited(session: Session, message: CallMessage): void {
    if (message.type !== 'invite' || message.call !== session.call)
      throw new ProtocolError(`a call begins with its invitation, not with ${message.type}`)
    session.once('end', () => this.#remember(session.call))
    if (this.#calls.size >= (this.#options.mostCalls ?? 1)) {
      session.send({ type: 'busy' })
      session.finish()
      return
    }
    const call = new Call(session, message, true)
    this.#calls.add(call)
    void call.ended.then(() => this.#calls.delete(call))
    this.#onCall(call)
  }

  /** A caller that hung up, and lost its connection before it knew that this arrived, comes back: it must not ring again. */
  #remember(call: string): void {
    this.#over.add(call)
    setTimeout(() => this.#over.delete(call), this.#options.patience ?? DEFAULT_PATIENCE).unref()
  }
}
