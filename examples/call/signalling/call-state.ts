import { match, P } from 'ts-pattern'
import type { Media } from './media.ts'
import type { CallMessage, Invite, Presence } from './messages.ts'

export type EndKind =
  | 'hung up'
  | 'declined'
  | 'busy'
  | 'no answer'
  | 'unreachable'
  | 'signalling lost'
  | 'protocol error'

/** How a call ended. */
export interface EndReason {
  readonly kind: EndKind
  /** In words; what whoever ended it gave, which may be nothing. */
  readonly reason: string
  /** Whether this side ended it. */
  readonly byUs: boolean
}

export type CallState =
  | { readonly name: 'idle' }
  /** We call, and have heard nothing yet. */
  | { readonly name: 'inviting' }
  /** We call, and it rings at the far side. */
  | { readonly name: 'alerted' }
  /** We are called. */
  | { readonly name: 'ringing' }
  | { readonly name: 'connected' }
  | { readonly name: 'ended'; readonly end: EndReason }

export type CallEvent =
  // What the user does.
  | { readonly type: 'dial'; readonly invite: Invite }
  | { readonly type: 'answer'; readonly media: Media }
  | { readonly type: 'decline'; readonly reason: string }
  | { readonly type: 'hang up'; readonly reason: string }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'show'; readonly presence: Presence }
  // What the far side sends.
  | { readonly type: 'got'; readonly message: CallMessage }
  // What the session and the clock tell.
  | { readonly type: 'lost'; readonly why: string }
  | { readonly type: 'back' }
  | { readonly type: 'no answer' }
  | { readonly type: 'unreachable'; readonly reason: string }
  | { readonly type: 'patience over' }
  | { readonly type: 'protocol error'; readonly reason: string; readonly byUs: boolean }

/** What the user of a call is told. */
export type Told =
  | { readonly event: 'ringing' }
  | { readonly event: 'accepted'; readonly media: Media }
  | { readonly event: 'text'; readonly text: string }
  | { readonly event: 'presence'; readonly presence: Presence }
  | { readonly event: 'lost'; readonly why: string }
  | { readonly event: 'back' }
  | { readonly event: 'ended'; readonly end: EndReason }

/** What has to be done, in this order. */
export type Effect =
  | { readonly do: 'send'; readonly message: CallMessage }
  | ({ readonly do: 'tell' } & Told)
  /** The session ends when the far side has got everything. */
  | { readonly do: 'finish' }
  /** The session ends; the far side knows, or cannot be told. */
  | { readonly do: 'close' }
  /** The session ends, and the far side is told that we do not understand it. */
  | { readonly do: 'fail'; readonly reason: string }
  /** The user cannot do this now. */
  | { readonly do: 'refuse'; readonly why: string }

export interface Transition {
  readonly state: CallState
  readonly effects: readonly Effect[]
}

/**
 * The whole of a call's logic: no clock, no connection, no memory but the state. Every state has an answer to every event.
 *
 * The far side cannot be trusted to send only what fits: what no sequence of honest messages leads to ends the call with a
 * protocol error. What crosses on the way is no such thing: messages arrive in order, so it is only a call that we ended for
 * which the far side may still say something, and that is passed over.
 */
export function transition(state: CallState, event: CallEvent): Transition {
  return match(event)
    .with({ type: 'got' }, ({ message }) => got(state, message))
    .with({ type: P.union('dial', 'answer', 'decline', 'hang up', 'say', 'show') }, (act) => acted(state, act))
    .otherwise((told) => happened(state, told))
}

type Act = Extract<CallEvent, { type: 'dial' | 'answer' | 'decline' | 'hang up' | 'say' | 'show' }>
type Happening = Exclude<CallEvent, Act | { type: 'got' }>

const CALLING = { name: P.union('inviting', 'alerted') } as const
const IN_CALL = { name: P.union('inviting', 'alerted', 'ringing', 'connected') } as const

function acted(state: CallState, act: Act): Transition {
  return (
    match<[CallState, Act], Transition>([state, act])
      .with([{ name: 'idle' }, { type: 'dial' }], ([, { invite }]) => to({ name: 'inviting' }, send(invite)))
      .with([{ name: 'ringing' }, { type: 'answer' }], ([, { media }]) =>
        to({ name: 'connected' }, send({ type: 'accept', media })),
      )
      .with([{ name: 'ringing' }, { type: 'decline' }], ([, { reason }]) =>
        end({ kind: 'declined', reason, byUs: true }, send({ type: 'reject', reason }), { do: 'finish' }),
      )
      .with([IN_CALL, { type: 'hang up' }], ([, { reason }]) =>
        end({ kind: 'hung up', reason, byUs: true }, send({ type: 'hang-up', reason }), { do: 'finish' }),
      )
      .with([{ name: 'idle' }, { type: 'hang up' }], ([, { reason }]) =>
        end({ kind: 'hung up', reason, byUs: true }, { do: 'close' }),
      )
      .with([IN_CALL, { type: 'say' }], ([, { text }]) => to(state, send({ type: 'text', text })))
      .with([IN_CALL, { type: 'show' }], ([, { presence }]) => to(state, send({ type: 'presence', presence })))
      // Who hangs up has nothing to ask about first, and presence is nothing to make a fuss about.
      .with([{ name: 'ended' }, { type: P.union('hang up', 'decline', 'show') }], () => to(state))
      .otherwise(([{ name }, { type }]) => to(state, { do: 'refuse', why: `${type}: the call is ${name}` }))
  )
}

function got(state: CallState, message: CallMessage): Transition {
  return (
    match<[CallState, CallMessage], Transition>([state, message])
      .with([{ name: 'idle' }, { type: 'invite' }], () => to({ name: 'ringing' }, send({ type: 'ringing' })))
      .with([{ name: 'inviting' }, { type: 'ringing' }], () => to({ name: 'alerted' }, tell({ event: 'ringing' })))
      .with([CALLING, { type: 'accept' }], ([, { media }]) =>
        to({ name: 'connected' }, tell({ event: 'accepted', media })),
      )
      .with([CALLING, { type: 'reject' }], ([, { reason }]) =>
        end({ kind: 'declined', reason, byUs: false }, { do: 'close' }),
      )
      .with([CALLING, { type: 'busy' }], () =>
        end({ kind: 'busy', reason: 'the far side is busy', byUs: false }, { do: 'close' }),
      )
      .with([IN_CALL, { type: 'hang-up' }], ([, { reason }]) =>
        end({ kind: 'hung up', reason, byUs: false }, { do: 'close' }),
      )
      .with([IN_CALL, { type: 'text' }], ([, { text }]) => to(state, tell({ event: 'text', text })))
      .with([IN_CALL, { type: 'presence' }], ([, { presence }]) => to(state, tell({ event: 'presence', presence })))
      // Both ended it at once: the far side needs no word of ours any more.
      .with([{ name: 'ended' }, { type: P.union('hang-up', 'reject', 'busy') }], () => to(state, { do: 'close' }))
      .with([{ name: 'ended' }, P._], () => to(state))
      .otherwise(([{ name }, { type }]) => misunderstood(`${type} has come, and the call is ${name}`))
  )
}

function happened(state: CallState, happening: Happening): Transition {
  return (
    match<[CallState, Happening], Transition>([state, happening])
      .with([{ name: 'ended' }, P._], () => to(state))
      .with([IN_CALL, { type: 'lost' }], ([, { why }]) => to(state, tell({ event: 'lost', why })))
      .with([IN_CALL, { type: 'back' }], () => to(state, tell({ event: 'back' })))
      .with([P._, { type: P.union('lost', 'back') }], () => to(state))
      .with([CALLING, { type: 'no answer' }], () =>
        end(
          { kind: 'no answer', reason: 'nobody answered', byUs: true },
          send({ type: 'hang-up', reason: 'no answer' }),
          { do: 'finish' },
        ),
      )
      // The clock was set for a call that was answered meanwhile.
      .with([P._, { type: 'no answer' }], () => to(state))
      .with([P._, { type: 'unreachable' }], ([, { reason }]) => end({ kind: 'unreachable', reason, byUs: false }))
      .with([P._, { type: 'patience over' }], () =>
        end({ kind: 'signalling lost', reason: 'signalling lost', byUs: false }),
      )
      .with([P._, { type: 'protocol error' }], ([, { reason, byUs }]) => end({ kind: 'protocol error', reason, byUs }))
      .exhaustive()
  )
}

function to(state: CallState, ...effects: Effect[]): Transition {
  return { state, effects }
}

function end(how: EndReason, ...effects: Effect[]): Transition {
  return { state: { name: 'ended', end: how }, effects: [...effects, tell({ event: 'ended', end: how })] }
}

function misunderstood(reason: string): Transition {
  return end({ kind: 'protocol error', reason, byUs: true }, { do: 'fail', reason })
}

function send(message: CallMessage): Effect {
  return { do: 'send', message }
}

function tell(told: Told): Effect {
  return { do: 'tell', ...told }
}
