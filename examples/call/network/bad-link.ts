import { setTimeout as sleep } from 'node:timers/promises'
import {
  bind,
  type DatagramEndpoint,
  type Faults,
  formatAddress,
  type LinkStats,
  type Listener,
  listen,
  type MemoryLink,
  memoryLink,
  type StreamEndpoint,
} from 'polysocket'
import { memory } from 'polysocket/families/memory'
import { MessageCarrier } from './message-carrier.ts'
import { StreamCarrier } from './stream-carrier.ts'
import { readTarget, type Target } from './target.ts'

/** A link in front of an address, on which things go wrong. Whoever is to suffer from it connects to `address` instead. */
export interface BadLink extends AsyncDisposable {
  /** `memory:` in front of streams, `memorygram:` in front of messages; of this process. */
  readonly address: string
  /** What the link has carried and lost since it was made, both directions together. */
  readonly stats: LinkStats
  /** Messages that came over the link, but that the target, or a sender with its answer, did not take. */
  readonly undelivered: number
  /**
   * Cuts the link for so many milliseconds, and resolves when it is whole again, or another interruption goes on. Connections
   * are reset at both ends, and new ones refused. Messages are lost, those under way as well, and count as such.
   */
  interrupt(milliseconds: number): Promise<void>
  /** Resets what is still connected; ends an interruption. A second call does nothing. */
  close(): Promise<void>
}

/**
 * Puts a link with these faults in front of a target of any family: loss, duplication, reordering, delay and cuts are those
 * of the memory family, in whose names the link is reached, and real sockets lead from there to the target. The target need
 * not be there yet. A target that has connections of messages (unixpacket, l2cap) is reached by `memorygram:`, too: each
 * sender gets a connection.
 *
 * A message of more than 65,507 bytes has no place on the link.
 */
export async function badLink(target: string, faults: Faults): Promise<BadLink> {
  const read = readTarget(target)
  return read.facts.kind === 'stream' ? await badStreams(read, faults) : await badMessages(read, faults)
}

async function badStreams(target: Target, faults: Faults): Promise<BadLink> {
  const carrier = new StreamCarrier(target)
  const open = async (address: string): Promise<Listener> => {
    const listener = await listen(address, { faults, allowHalfOpen: true })
    links.add(memoryLink(address))
    return listener.on('connection', (near) => carrier.carry(near as StreamEndpoint))
  }
  // A name that nobody has any more forgets its link, and who takes it again gets a new one.
  const links = new Set<MemoryLink>()
  const address = freshAddress('memory')
  let listener = await open(address)
  return new Interruptible(address, {
    stats: () => sum([...links].map(({ stats }) => stats)),
    undelivered: () => 0,
    cut: async () => {
      await listener.close()
      for (const link of links) link.cut()
      await carrier.cut()
    },
    restore: async () => {
      listener = await open(address)
    },
    close: async () => {
      await listener.close()
      await carrier.cut()
    },
  })
}

async function badMessages(target: Target, faults: Faults): Promise<BadLink> {
  const address = freshAddress('memorygram')
  const near: DatagramEndpoint = await bind(address, { faults })
  const link = memoryLink(address)
  const carrier = new MessageCarrier(near, target)
  return new Interruptible(address, {
    stats: () => ({ ...link.stats }),
    undelivered: () => carrier.undelivered,
    cut: async () => {
      link.faults = { ...faults, loss: 1 }
      link.cut()
      await carrier.cut()
    },
    restore: async () => {
      link.faults = faults
    },
    close: () => carrier.close(),
  })
}

/** What a link is made of. */
interface Parts {
  stats(): LinkStats
  undelivered(): number
  cut(): Promise<void>
  restore(): Promise<void>
  close(): Promise<void>
}

/** A link, and when it is cut and whole again. */
class Interruptible implements BadLink {
  readonly address: string
  readonly #parts: Parts
  readonly #closing = new AbortController()
  #interruptions = 0
  #closed: Promise<void> | undefined

  constructor(address: string, parts: Parts) {
    this.address = address
    this.#parts = parts
  }

  get stats(): LinkStats {
    return this.#parts.stats()
  }

  get undelivered(): number {
    return this.#parts.undelivered()
  }

  async interrupt(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0 && milliseconds < 2 ** 31)) {
      throw new RangeError(`an interruption of ${milliseconds} ms: it must be 0 or more`)
    }
    if (this.#closed !== undefined) throw new Error('the link is closed')
    this.#interruptions++
    await this.#parts.cut()
    await sleep(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => undefined)
    // Of several at a time, the last to end restores.
    if (--this.#interruptions > 0 || this.#closed !== undefined) return
    await this.#parts.restore()
    if (this.#closed !== undefined) await this.#parts.close()
  }

  close(): Promise<void> {
    this.#closing.abort()
    this.#closed ??= this.#parts.close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function freshAddress(scheme: 'memory' | 'memorygram'): string {
  const address = memory.ephemeral(scheme)
  if (address === undefined) throw new Error(`the memory family gives no name for ${scheme}`)
  return formatAddress(address)
}

function sum(all: readonly LinkStats[]): LinkStats {
  const total: LinkStats = { packets: 0, bytes: 0, lost: 0, retransmitted: 0, duplicated: 0, reordered: 0, cuts: 0 }
  for (const stats of all) {
    for (const name of Object.keys(total) as (keyof LinkStats)[]) total[name] += stats[name]
  }
  return total
}
