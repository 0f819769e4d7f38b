import { match } from 'ts-pattern'
import { clearInterval, clearTimeout, setInterval, setTimeout } from '../core/timers.ts'
import type { Address, DatagramEndpoint, OpenOptions, StreamEndpoint } from '../index.ts'
import { bind, formatAddress, type Listener, listen, SocketError } from '../index.ts'
import { connectNamed, isStream, readTarget, type Target } from './open.ts'
import { relayMessages } from './relay-messages.ts'
import { type SessionOptions, Sessions } from './relay-sessions.ts'
import { relayStreams } from './relay-streams.ts'
import { EXIT, errorText, note, reportError } from './report.ts'
import type { Stop } from './stop.ts'
import { Traffic } from './traffic.ts'

export interface RelayOptions extends SessionOptions {
  /** For the library, where clients come. */
  readonly listening: OpenOptions
  readonly progress?: boolean
  readonly quiet?: boolean
  /** Milliseconds that open connections get to finish once we were asked to stop. */
  readonly grace: number
}

const CONNECTED_MESSAGES = { kind: 'datagram', connected: true } as const

type Endpoint = StreamEndpoint | DatagramEndpoint

/** A relay that is running: stopped in steps. */
interface Running {
  readonly address: Address
  /** Resolves when nothing comes any more. */
  readonly done: Promise<void>
  /** Takes nothing new. */
  close(): Promise<void>
  /** Ends what is open. */
  cut(): void
}

/** Runs `polysocket relay` until it is asked to stop; gives the exit code. Rejects when it cannot begin. */
export async function relay(from: string, to: string, options: RelayOptions, stop: Stop): Promise<number> {
  const near = readTarget(from)
  const far = readTarget(to)
  const traffic = new Traffic(options.quiet ?? false)
  const running = await start(near, far, options, traffic, stop)
  note(`relay ${formatAddress(running.address)} -> ${formatAddress(far.address)}`)
  const timer = options.progress ? setInterval(() => traffic.progress(), 1000) : undefined
  try {
    await Promise.race([running.done, aborted(stop.soft)])
    await running.close()
    await finish(running, options, traffic, stop)
  } finally {
    clearInterval(timer)
    traffic.summary()
  }
  return stop.hard.aborted ? (stop.exitCode ?? EXIT.ok) : EXIT.ok
}

async function finish(running: Running, options: RelayOptions, traffic: Traffic, stop: Stop): Promise<void> {
  if (traffic.open > 0) note(`stopping; ${traffic.open} open, at most ${options.grace / 1000} s more`)
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, options.grace)
  })
  await Promise.race([running.done, grace, aborted(stop.hard)])
  clearTimeout(timer)
  running.cut()
  await running.done
}

async function start(near: Target, far: Target, options: RelayOptions, traffic: Traffic, stop: Stop): Promise<Running> {
  return await match([near.facts, far.facts])
    .with([{ kind: 'stream' }, { kind: 'stream' }], [CONNECTED_MESSAGES, { kind: 'datagram' }], async () => {
      const listener: Listener<Endpoint> = await listen(near.address, {
        ...options.listening,
        allowHalfOpen: true,
        signal: stop.soft,
        ...(options.maxConnections !== undefined && { maxConnections: options.maxConnections }),
      })
      return serve(listener, far, options, traffic)
    })
    .with([{ kind: 'datagram' }, { kind: 'datagram' }], async () => {
      const bound = await bind(near.address, { ...options.listening, signal: stop.soft })
      const sessions = new Sessions(bound, far, options, traffic)
      return {
        address: bound.local ?? near.address,
        done: sessions.run(),
        // Senders without connections have nothing to finish: what was read is handed on, and that is all.
        close: () => sessions.close(),
        cut: () => sessions.cut(),
      }
    })
    .otherwise(() => {
      const side = ({ address, facts }: Target) =>
        `${address.scheme} carries ${facts.kind === 'stream' ? 'a stream' : 'messages'}`
      throw new SocketError(
        'ERR_UNSUPPORTED',
        `a relay cannot keep the boundaries of messages in a stream: ${side(near)}, ${side(far)}`,
      )
    })
}

/** Each connection is joined to one of its own; what goes wrong with one is no other's concern. */
function serve(listener: Listener<Endpoint>, far: Target, options: RelayOptions, traffic: Traffic): Running {
  const open = new Set<AbortController>()
  const flows = new Set<Promise<void>>()
  const closed = new Promise<void>((resolve) => listener.once('close', resolve))
  listener.on('drop', ({ remote, error }) => {
    const why = error === undefined ? `${options.maxConnections} are open` : errorText(error)
    note(`refused a connection${nameOf(remote)}: ${why}`)
  })
  listener.on('exhausted', (error) => reportError(error))
  let failure: Error | undefined
  listener.on('error', (error) => (failure = error))
  listener.on('connection', (client) => {
    const cut = new AbortController()
    open.add(cut)
    const flow = carry(client, far, options, traffic, cut.signal).finally(() => {
      open.delete(cut)
      flows.delete(flow)
    })
    flows.add(flow)
  })
  return {
    address: listener.address,
    done: closed.then(async () => {
      while (flows.size > 0) await Promise.all(flows)
      if (failure !== undefined) throw failure
    }),
    close: () => listener.close(),
    cut: () => {
      for (const controller of open) controller.abort()
    },
  }
}

async function carry(
  client: Endpoint,
  far: Target,
  options: RelayOptions,
  traffic: Traffic,
  signal: AbortSignal,
): Promise<void> {
  const flow = traffic.begin(client.remote === undefined ? 'an unnamed socket' : formatAddress(client.remote))
  const connecting = new AbortController()
  const giveUp = (): void => connecting.abort()
  // Until it is joined to its target, a failing client has nobody else to tell.
  let failure: Error | undefined
  client.on('error', (error) => {
    failure ??= error
    giveUp()
  })
  client.once('close', giveUp)
  signal.addEventListener('abort', giveUp)
  try {
    const target = await connectNamed(far.address, {
      ...options.connecting,
      allowHalfOpen: true,
      signal: connecting.signal,
    })
    client.off('close', giveUp)
    if (isStream(client) && isStream(target)) {
      await relayStreams(client, target, (direction, bytes) => traffic.add(flow, direction, bytes), signal)
    } else if (!isStream(client) && !isStream(target)) {
      await relayMessages(client, target, (direction, bytes) => traffic.add(flow, direction, bytes), signal)
    }
    traffic.end(flow)
  } catch (error) {
    traffic.end(flow, failure ?? error)
    if (!isStream(client)) await client.close()
    else if (!client.destroyed) client.resetAndDestroy()
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

function nameOf(address: Address | undefined): string {
  return address === undefined ? '' : ` from ${formatAddress(address)}`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
