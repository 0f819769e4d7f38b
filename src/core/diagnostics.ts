import { type Channel, channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { AddressInput } from './address.ts'
import type { DatagramEndpoint } from './datagram.ts'
import type { Listener } from './listener.ts'
import type { StreamEndpoint } from './stream.ts'

/**
 * What is published through `node:diagnostics_channel`, by the channel's name. Nothing is built while nobody subscribes.
 *
 * ```ts
 * import { subscribe, tracingChannel } from 'node:diagnostics_channel'
 *
 * subscribe('polysocket.close', (message) => {
 *   const { socket } = message as DiagnosticsMessages['polysocket.close']
 *   console.log('closed', socket.stats())
 * })
 * tracingChannel('polysocket.connect').subscribe({
 *   asyncEnd(message) { … },
 *   error(message) { … },
 * })
 * ```
 *
 * Opening takes time, and is traced (`tracingChannel` in Node's documentation): each call publishes to
 * `tracing:polysocket.connect:start`, `:end`, `:asyncStart`, `:asyncEnd`, and before the last two to `:error` where it
 * fails, always with the same object. Stores bound to `:start` hold while it runs, host names being looked up among it.
 */
export interface DiagnosticsMessages {
  /** Traced: `connect` and `createConnection`. */
  'polysocket.connect': OpeningMessage<StreamEndpoint | DatagramEndpoint>
  /** Traced: `listen`. */
  'polysocket.listen': OpeningMessage<Listener<StreamEndpoint | DatagramEndpoint>>
  /** Traced: `bind`. */
  'polysocket.bind': OpeningMessage<DatagramEndpoint>
  /** A listener accepted a connection, of which nobody has been told yet. */
  'polysocket.accept': AcceptMessage
  /** An endpoint or a listener reports an error: with 'error', 'exhausted' or 'drop', or by a `receive` that rejects. */
  'polysocket.error': ErrorMessage
  /** An endpoint or a listener is closed, however it was made. Once for each, also where it never got a connection. */
  'polysocket.close': CloseMessage
}

export type AnySocket = StreamEndpoint | DatagramEndpoint | Listener<StreamEndpoint | DatagramEndpoint>

export interface OpeningMessage<R> {
  /** As the caller gave it: text or an object. */
  readonly address: AddressInput
  /** What was opened; from `:asyncStart` on. */
  readonly result?: R
  /** What it failed with, misuse included; from `:error` on. */
  readonly error?: Error
}

export interface AcceptMessage {
  readonly listener: Listener<StreamEndpoint | DatagramEndpoint>
  readonly endpoint: StreamEndpoint | DatagramEndpoint
}

export interface ErrorMessage {
  readonly socket: AnySocket
  readonly error: Error
  /** The socket closes because of it. Otherwise it lives on (ECONNREFUSED of a datagram, EMFILE of a listener). */
  readonly fatal: boolean
}

export interface CloseMessage {
  readonly socket: AnySocket
  /** The error that it closed because of; `undefined` when it was closed on purpose or came to its end. */
  readonly error: Error | undefined
}

type Opening = TracingChannel<unknown, OpeningMessage<unknown>>

/** Held here, since a channel that nobody holds may be collected with its subscribers. */
export const connects: Opening = tracingChannel('polysocket.connect')
export const listens: Opening = tracingChannel('polysocket.listen')
export const binds: Opening = tracingChannel('polysocket.bind')
const accepts: Channel = channel('polysocket.accept')
const errors: Channel = channel('polysocket.error')
const closes: Channel = channel('polysocket.close')

/** Runs `open`, and traces it where somebody subscribed. `made` turns what it gives into the `result` of the message. */
export function traceOpening<T>(
  opening: Opening,
  address: AddressInput,
  open: () => Promise<T>,
  made: (opened: T) => unknown = (opened) => opened,
): Promise<T> {
  if (!opening.hasSubscribers) return open()
  let opened: Promise<T> | undefined
  const traced = opening.tracePromise(
    () => {
      opened = open()
      return opened.then(made)
    },
    { address },
  )
  return traced.then(() => opened as Promise<T>)
}

export function reportAccept(listener: object, endpoint: object): void {
  if (accepts.hasSubscribers) accepts.publish({ listener, endpoint })
}

export function reportError(socket: object, error: Error, fatal: boolean): void {
  if (errors.hasSubscribers) errors.publish({ socket, error, fatal })
}

export function reportClose(socket: object, error: Error | undefined): void {
  if (closes.hasSubscribers) closes.publish({ socket, error })
}
