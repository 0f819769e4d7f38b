import type { Readable, Writable } from 'node:stream'
import type { DatagramEndpoint, Listener, OpenOptions, StreamEndpoint } from '../index.ts'
import { bind, formatAddress, listen } from '../index.ts'
import { catMessages, type MessageOptions } from './cat-messages.ts'
import { catStream } from './cat-stream.ts'
import { connectNamed, isStream, readTarget } from './open.ts'
import { EXIT, note, reportError, UsageError } from './report.ts'
import type { Stop } from './stop.ts'

export interface CatOptions extends MessageOptions {
  readonly listen?: boolean
  /** Datagrams: our own address. */
  readonly bind?: string
  readonly keep?: boolean
  readonly quiet?: boolean
  /** What goes to the library as it is. */
  readonly open: OpenOptions
}

/** `stdin` is looked at only when it is needed: touching it starts Node's reading machinery. */
export interface Terminal {
  readonly stdin: () => Readable
  readonly stdout: Writable
}

/** Runs `polysocket cat`; gives the exit code. Rejects with what is to be reported. */
export async function cat(
  address: string | undefined,
  options: CatOptions,
  terminal: Terminal,
  stop: Stop,
): Promise<number> {
  if (options.bind !== undefined) {
    if (options.listen) throw new UsageError('--listen and --bind exclude each other')
    await catBound(options.bind, address, options, terminal, stop)
  } else if (address === undefined) {
    throw new UsageError('an address is missing')
  } else if (options.listen) {
    await catListener(address, options, terminal, stop)
  } else {
    const target = readTarget(address)
    const endpoint = await connectNamed(target.address, { ...options.open, ...streamOptions(stop) })
    await converse(endpoint, options, terminal, stop)
  }
  return stop.exitCode ?? EXIT.ok
}

async function catBound(
  own: string,
  peer: string | undefined,
  options: CatOptions,
  terminal: Terminal,
  stop: Stop,
): Promise<void> {
  const to = peer === undefined ? undefined : readTarget(peer).address
  const endpoint = await bind(readTarget(own).address, { ...options.open, signal: stop.soft })
  if (!options.quiet && endpoint.local !== undefined) note(`bound to ${formatAddress(endpoint.local)}`)
  await catMessages(
    endpoint,
    { stdin: terminal.stdin(), stdout: terminal.stdout },
    { ...options, bound: true, to },
    stop,
  )
}

async function catListener(address: string, options: CatOptions, terminal: Terminal, stop: Stop): Promise<void> {
  const listener: Listener<StreamEndpoint | DatagramEndpoint> = await listen(readTarget(address).address, {
    ...options.open,
    ...streamOptions(stop),
  })
  const { timeout } = options.open
  try {
    if (!options.quiet) note(`listening on ${formatAddress(listener.address)}`)
    do {
      const endpoint = await listener.accept({ signal: stop.soft, timeout })
      // The next one shall be refused, not left waiting for nobody.
      if (!options.keep) await listener.close()
      try {
        await converse(endpoint, options, terminal, stop)
      } catch (error) {
        if (!options.keep || stop.exitCode !== undefined) throw error
        reportError(error)
      }
    } while (options.keep)
  } finally {
    await listener.close()
  }
}

/** Exchanges data with one peer until both sides have ended. With `keep`, stdin is left alone: it could be sent only once. */
async function converse(
  endpoint: StreamEndpoint | DatagramEndpoint,
  options: CatOptions,
  terminal: Terminal,
  stop: Stop,
): Promise<void> {
  const io = { stdin: options.keep ? undefined : terminal.stdin(), stdout: terminal.stdout }
  if (isStream(endpoint)) await catStream(endpoint, io, options.idle, stop)
  else await catMessages(endpoint, io, { ...options, bound: false, to: undefined }, stop)
}

/** EOF on stdin ends our direction only, so both ends stay open until both have ended. */
function streamOptions(stop: Stop): { signal: AbortSignal; allowHalfOpen: true } {
  return { signal: stop.soft, allowHalfOpen: true }
}
