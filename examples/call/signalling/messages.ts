import { isMatching, P } from 'ts-pattern'
import { encodeFrame } from './frames.ts'
import type { Media } from './media.ts'
import { ProtocolError } from './protocol-error.ts'

export type Presence = 'online' | 'away' | 'typing'

/** The first message of a call. */
export interface Invite {
  readonly type: 'invite'
  /** Names the call on every connection that it will have. Hard to guess, since whoever knows it may resume the call. */
  readonly call: string
  /** Who calls, as the caller says. */
  readonly from: string
  /** What the caller can do: 'voice', 'video', and what later versions add. */
  readonly offers: readonly string[]
}

/** What the two who talk tell each other. Each is numbered and arrives once, whatever becomes of the connection. */
export type CallMessage =
  | Invite
  | { readonly type: 'ringing' }
  | { readonly type: 'accept'; readonly media: Media }
  | { readonly type: 'reject'; readonly reason: string }
  | { readonly type: 'busy' }
  | { readonly type: 'hang-up'; readonly reason: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'presence'; readonly presence: Presence }

/** Numbers begin with 1 in each direction, and belong to the call, not to a connection. */
export type NumberedMessage = CallMessage & { readonly number: number }

/** What keeps a session together; see session.ts. It belongs to one connection, and is never sent again. */
export type LinkMessage =
  /** The first message of each side on each connection. `received`: the last number that arrived, 0 for none. */
  | { readonly type: 'resume'; readonly call: string; readonly received: number }
  /** Everything up to this number has arrived. */
  | { readonly type: 'ack'; readonly received: number }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** The last message: why the connection is closed for good. */
  | { readonly type: 'error'; readonly reason: string }

export type SignallingMessage = NumberedMessage | LinkMessage

/** What the value of a field must be, and how to say that it is not. */
interface Field {
  readonly pattern: P.Pattern<unknown>
  readonly words: string
}

/** Every type has its fields here: a type that is added to the union, or a field, does not compile without them. */
type Shapes = {
  readonly [T in SignallingMessage['type']]: Readonly<
    Record<Exclude<keyof Extract<SignallingMessage, { type: T }>, 'type'>, Field>
  >
}

const text: Field = { pattern: P.string, words: 'a text' }
const callId: Field = { pattern: P.string.regex(/^[\w-]{1,64}$/), words: '1 to 64 letters, digits, _ and -' }
const number: Field = {
  pattern: P.when((value) => Number.isSafeInteger(value) && (value as number) >= 1),
  words: 'a whole number, 1 or more',
}
const received: Field = {
  pattern: P.when((value) => Number.isSafeInteger(value) && (value as number) >= 0),
  words: 'a whole number, 0 or more',
}
const offers: Field = { pattern: P.array(P.string), words: 'a list of texts' }
const media: Field = { pattern: { voice: P.string, video: P.string }, words: 'an address for voice and one for video' }
const presence: Field = { pattern: P.union('online', 'away', 'typing'), words: 'online, away or typing' }

const SHAPES: Shapes = {
  invite: { number, call: callId, from: text, offers },
  ringing: { number },
  accept: { number, media },
  reject: { number, reason: text },
  busy: { number },
  'hang-up': { number, reason: text },
  text: { number, text },
  presence: { number, presence },
  resume: { call: callId, received },
  ack: { received },
  ping: {},
  pong: {},
  error: { reason: text },
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The message as JSON in UTF-8, framed. A text arrives as it was given: half of a surrogate pair, which UTF-8 has no bytes
 * for, is escaped by `JSON.stringify` (well-formed since ECMAScript 2019). Throws a `RangeError` where it is too long.
 */
export function encodeMessage(message: SignallingMessage): Buffer {
  return encodeFrame(Buffer.from(JSON.stringify(message)))
}

/**
 * Reads what a frame holds. Throws a `ProtocolError` that says what is wrong with it.
 *
 * Fields that are not known are left out, so that later versions can add some. A type that is not known is an error: whoever
 * sent it waits for something to happen here. A later version has to find out first what this one understands; that is what
 * `offers` of the invitation are for.
 */
export function parseMessage(payload: Uint8Array): SignallingMessage {
  const value = parseJson(payload)
  if (!isMatching({ type: P.string }, value)) throw new ProtocolError('a message is not an object with a type')
  const { type } = value
  if (!Object.hasOwn(SHAPES, type)) throw new ProtocolError(`no message is of the type ${shortened(type)}`)
  const fields = Object.entries<Field>(SHAPES[type as SignallingMessage['type']])
  const given = new Map<string, unknown>(Object.entries(value))
  for (const [name, { pattern, words }] of fields) {
    if (!given.has(name)) throw new ProtocolError(`${type}: ${name} is missing`)
    if (!isMatching(pattern, given.get(name))) throw new ProtocolError(`${type}: ${name} must be ${words}`)
  }
  return Object.fromEntries([['type', type], ...fields.map(([name]) => [name, given.get(name)])]) as SignallingMessage
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(payload))
  } catch (error) {
    throw new ProtocolError(error instanceof SyntaxError ? 'a message is not JSON' : 'a message is not UTF-8', error)
  }
}

/** What a stranger sent, fit for a line of text. */
function shortened(type: string): string {
  return JSON.stringify(type.length > 40 ? `${type.slice(0, 40)}…` : type)
}
