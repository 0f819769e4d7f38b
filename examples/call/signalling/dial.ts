import { randomUUID } from 'node:crypto'
import { type ConnectOptions, connect, type DatagramEndpoint, StreamEndpoint } from 'polysocket'
import { Call, type CallOptions } from './call.ts'
import type { Invite } from './messages.ts'
import { type Connector, DEFAULT_PATIENCE, Session, type SessionOptions } from './session.ts'

export interface DialOptions extends CallOptions, SessionOptions {
  /** Who calls. */
  readonly from: string
  /** Default: voice and video. */
  readonly offers?: readonly string[] | undefined
  /** For the first connection; for later ones too, which are tried for as long as the patience lasts, whatever the error. */
  readonly connecting?: Omit<ConnectOptions, 'signal'> | undefined
  /** Hangs up, whatever the state of the call. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Calls whoever answers at a stream address. The call is there at once, and tells by events how it goes; when nobody can be
 * reached it ends as 'unreachable'.
 */
export function dial(address: string, options: DialOptions): Call {
  const { from, offers = ['voice', 'video'], signal } = options
  const invite: Invite = { type: 'invite', call: randomUUID(), from, offers }
  const session = new Session(invite.call, options, connectorOf(address, options))
  const call = new Call(session, invite, false, options)
  if (signal !== undefined) hangUpBy(signal, call)
  void session.start()
  return call
}

function connectorOf(address: string, { connecting = {}, patience = DEFAULT_PATIENCE }: DialOptions): Connector {
  const { timeout: _, retry, ...everyTime } = connecting
  const given = typeof retry === 'object' ? retry : {}
  return {
    first: async (signal) => stream(await connect(address, { ...connecting, signal })),
    again: async (signal) =>
      stream(
        await connect(address, {
          ...everyTime,
          signal,
          // Somebody waits, and not for long: no pause is longer than a second, and no error is the last word before the
          // patience is over. A try gets half of it: Bluetooth needs 5 seconds to page a device (page timeout).
          retry: {
            minDelay: 100,
            maxDelay: 1000,
            attemptTimeout: patience / 2,
            ...given,
            attempts: Number.POSITIVE_INFINITY,
            when: () => true,
          },
        }),
      ),
  }
}

/** Only a stream can carry frames, and the type of an address that is a text does not tell. */
async function stream(endpoint: StreamEndpoint | DatagramEndpoint): Promise<StreamEndpoint> {
  if (endpoint instanceof StreamEndpoint) return endpoint
  await endpoint.close()
  throw new TypeError('signalling needs a scheme of streams, such as tcp or unix')
}

function hangUpBy(signal: AbortSignal, call: Call): void {
  const hangUp = (): void => call.hangUp('aborted')
  if (signal.aborted) hangUp()
  signal.addEventListener('abort', hangUp, { once: true })
  void call.ended.then(() => signal.removeEventListener('abort', hangUp))
}
