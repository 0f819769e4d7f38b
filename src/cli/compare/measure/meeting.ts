import { once } from 'node:events'
import { performance } from '../../../core/timers.ts'
import type {
  DatagramEndpoint,
  Listener,
  ListenOptions,
  OpenOptions,
  SchemeFacts,
  Sockets,
  StreamEndpoint,
} from '../../../index.ts'
import { isStream } from '../../open.ts'

export type Endpoint = StreamEndpoint | DatagramEndpoint

/** Where the two ends of a scheme meet, and how they are opened. */
export interface Place {
  readonly sockets: Sockets
  readonly facts: SchemeFacts
  /** A free address, another one at each call. */
  readonly address: () => string
  /** Of the far end: what disturbs its link, for example. */
  readonly options: OpenOptions
  /** Milliseconds that opening may take. */
  readonly patience: number
  /** Gives it up: everything is closed at once. */
  readonly signal: AbortSignal
}

/** Two ends of one link: what `near` sends arrives at `far`. */
export interface Ends {
  readonly near: Endpoint
  readonly far: Endpoint
  /** Of the far end. */
  readonly address: string
  /** Milliseconds until a message could be sent. */
  readonly setUp: number
  /** Rejects when an end fails, or is gone. */
  readonly broken: Promise<never>
  /** Fires when they are closed. */
  readonly over: AbortSignal
}

type Closable = Endpoint | Listener<Endpoint>

/** Who waits to be met. */
interface FarSide {
  meet(): Promise<Ends>
  /** Closes what `meet` opened: over some families two ends can meet only once at a time. */
  part(ends: Ends): Promise<void>
}

/** Opens a far side for `use`, and closes all that was opened when that is over or given up. */
export async function atPlace<T>(place: Place, use: (side: FarSide) => Promise<T>): Promise<T> {
  const opened = new Opened(place)
  try {
    return await Promise.race([openFarSide(place, opened).then(use), opened.givenUp])
  } finally {
    await opened.close()
  }
}

/** The same with two ends that have met. */
export function withEnds<T>(place: Place, use: (ends: Ends) => Promise<T>): Promise<T> {
  return atPlace(place, async (side) => use(await side.meet()))
}

async function openFarSide({ sockets, facts, address, options, patience }: Place, opened: Opened): Promise<FarSide> {
  const request: ListenOptions = { allowHalfOpen: true, timeout: patience, signal: opened.signal }
  if (!facts.connected) {
    const far = opened.track(await sockets.bind(address(), { ...options, ...request }))
    const text = textOf(sockets, far.local)
    const meet = async (): Promise<Ends> => {
      const startedAt = performance.now()
      const near = opened.track(await sockets.connect(text, request))
      return joined(near, far, text, performance.now() - startedAt, opened.signal)
    }
    return { meet, part: ({ near }) => closeOne(near) }
  }
  const listener = opened.track(await sockets.listen(address(), { ...options, ...request }))
  const text = textOf(sockets, listener.address)
  const meet = async (): Promise<Ends> => {
    const accepting = listener.accept({ timeout: patience, signal: opened.signal }).then((far) => opened.track(far))
    // Until connecting has its say: its error tells more.
    accepting.catch(() => undefined)
    const startedAt = performance.now()
    const near = opened.track<Endpoint>(await sockets.connect(text, request))
    const setUp = performance.now() - startedAt
    // Messages that wait for more to come are late for no fault of the link: RFC 896.
    if (isStream(near)) near.setNoDelay()
    return joined(near, await accepting, text, setUp, opened.signal)
  }
  const part = async ({ near, far }: Ends): Promise<void> => {
    await Promise.all([closeOne(near), closeOne(far)])
  }
  return { meet, part }
}

function joined(near: Endpoint, far: Endpoint, address: string, setUp: number, over: AbortSignal): Ends {
  const broken = new Promise<never>((_, reject) => {
    for (const end of [near, far]) {
      end.on('error', reject)
      end.once('close', () => reject(new Error('the connection was closed')))
    }
  })
  broken.catch(() => undefined)
  return { near, far, address, setUp, broken, over }
}

function textOf(sockets: Sockets, address: DatagramEndpoint['local']): string {
  if (address === undefined) throw new Error('the far end has no address of its own, so nobody can reach it')
  return sockets.formatAddress(address)
}

/** What is open, to be closed together. */
class Opened {
  /** Rejects when the place is given up. */
  readonly givenUp: Promise<never>
  readonly #over: AbortController = new AbortController()
  readonly #all = new Set<Closable>()
  readonly #asked: AbortSignal
  readonly #giveUp = (): void => this.#over.abort(this.#asked.reason)

  constructor({ signal }: Place) {
    const over = this.#over.signal
    this.#asked = signal
    this.givenUp = new Promise<never>((_, reject) => over.addEventListener('abort', () => reject(over.reason)))
    this.givenUp.catch(() => undefined)
    signal.addEventListener('abort', this.#giveUp)
    if (signal.aborted) this.#giveUp()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  track<T extends Closable>(one: T): T {
    this.#all.add(one)
    // Whoever waits for something is told by `broken`; nobody has to hear the rest.
    one.on('error', () => undefined)
    return one
  }

  async close(): Promise<void> {
    this.#asked.removeEventListener('abort', this.#giveUp)
    this.#over.abort()
    await Promise.all([...this.#all].map(closeOne))
  }
}

async function closeOne(one: Closable): Promise<void> {
  if (!('destroy' in one)) return one.close()
  if (one.closed) return
  const closed = once(one, 'close')
  one.destroy()
  await closed
}
