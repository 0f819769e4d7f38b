import { namedSystemError } from '../../core/errors.ts'
import { formatMemoryAddress, type MemoryAddress, plain } from './address.ts'
import { checkFaults, type Faults, given, type Rates, ratesOf } from './faults.ts'

/** What a link has carried since it was made, both directions together. */
export interface LinkStats {
  /**
   * Messages, or segments of streams, each counted once. A segment has at most 1,448 bytes, as TCP's on Ethernet; those
   * that open and end a connection have none.
   */
  packets: number
  /** The bytes in them. */
  bytes: number
  /** Transmissions that did not arrive. A message is then gone for good, a segment is sent again. */
  lost: number
  /** Segments sent once more. */
  retransmitted: number
  /** Messages or segments that arrived a second time. */
  duplicated: number
  /** Messages or segments that were held back by `reorder`. */
  reordered: number
  /** Connections that were cut. */
  cuts: number
}

/** A socket's link to all others, to watch and to disturb while it is in use. */
export interface MemoryLink {
  readonly address: MemoryAddress
  /** Assigning replaces them all, for what is sent from then on, and starts the sequence of the seed afresh. */
  faults: Faults
  /** Live: it goes on counting. */
  readonly stats: Readonly<LinkStats>
  /**
   * Cuts every connection over this link: what is on its way is lost, both ends get `ECONNRESET`; returns how many there
   * were. A datagram socket has none: the messages on their way to and from it are lost, and their number is returned.
   */
  cut(): number
}

/** Something over the link that can be cut: a connection, or a datagram socket. */
export interface Line {
  cut(link: Link): number
}

export class Link implements MemoryLink {
  readonly address: MemoryAddress
  readonly stats: LinkStats = { packets: 0, bytes: 0, lost: 0, retransmitted: 0, duplicated: 0, reordered: 0, cuts: 0 }
  readonly lines: Set<Line> = new Set()
  /** Some socket has the name. Connections may live on without it. */
  taken = false
  /** How many connections there have been; each has a sequence of faults of its own. */
  connections = 0
  #faults: Faults = {}
  #rates: Rates = ratesOf({})
  #clear = true
  #epoch = 0
  #messages = 0

  constructor(address: MemoryAddress) {
    this.address = plain(address)
  }

  get faults(): Faults {
    return this.#faults
  }

  set faults(faults: Faults) {
    checkFaults(faults, 'faults')
    this.#faults = given(faults)
    this.#rates = ratesOf(faults)
    const { loss, duplicate, reorder, delay, jitter, cut } = this.#rates
    this.#clear = loss + duplicate + reorder + delay + jitter === 0 && cut === Number.POSITIVE_INFINITY
    this.#epoch++
    this.#messages = 0
  }

  get rates(): Rates {
    return this.#rates
  }

  /** Nothing can happen to a packet. */
  get clear(): boolean {
    return this.#clear
  }

  /** Changes with the faults. */
  get epoch(): number {
    return this.#epoch
  }

  cut(): number {
    let count = 0
    for (const line of [...this.lines]) count += line.cut(this)
    return count
  }

  /** Whether the limit of messages lets one more pass. */
  passes(): boolean {
    return ++this.#messages <= this.#rates.cut
  }

  /** The socket that had the name gives it back. Connections that were accepted under it go on. */
  vacate(): void {
    this.taken = false
    this.#forgetIfUnused()
  }

  /** The line is closed. */
  release(line: Line): void {
    this.lines.delete(line)
    this.#forgetIfUnused()
  }

  #forgetIfUnused(): void {
    const name = key(this.address)
    if (!this.taken && this.lines.size === 0 && links.get(name) === this) links.delete(name)
  }
}

const links = new Map<string, Link>()
let names = 0

function key(address: MemoryAddress): string {
  return `${address.scheme}:${address.name}`
}

/** The link of a name, made where there is none yet. */
export function linkOf(address: MemoryAddress): Link {
  const name = key(address)
  let link = links.get(name)
  if (link === undefined) {
    link = new Link(address)
    links.set(name, link)
  }
  return link
}

/** The link of a name, where something uses it. */
export function findLink(address: MemoryAddress): Link | undefined {
  return links.get(key(address))
}

/** Takes a name for a socket: bind(2). Throws EADDRINUSE. */
export function claim(address: MemoryAddress, faults: Faults | undefined): Link {
  const link = linkOf(address)
  if (link.taken) throw namedSystemError('EADDRINUSE', 'bind', formatMemoryAddress(plain(address)))
  if (faults !== undefined) link.faults = faults
  link.taken = true
  return link
}

/** A name that nobody has, and that was never given out before. */
export function freshName(scheme: 'memory' | 'memorygram'): MemoryAddress {
  for (;;) {
    const address = { family: 'memory', scheme, name: `#${++names}` } as const
    if (!links.has(key(address))) return address
  }
}
