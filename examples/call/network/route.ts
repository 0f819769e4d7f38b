import type { Faults, LinkStats } from 'polysocket'
import { type BadLink, badLink } from './bad-link.ts'

/**
 * The caller's way to the other side. Everything crosses links of the memory family, with the same faults, in the caller's
 * own process: so any pair of schemes can be disturbed, and the connections be cut, without privileges.
 */
export class Route {
  readonly #faults: Faults
  readonly #links: BadLink[] = []

  constructor(faults: Faults) {
    this.#faults = faults
  }

  /** The address to connect to instead. */
  async via(address: string): Promise<string> {
    const link = await this.link(address)
    return link.address
  }

  /** The same, with the means to cut it. */
  async link(address: string): Promise<BadLink> {
    const link = await badLink(address, this.#faults)
    this.#links.push(link)
    return link
  }

  /** What happened on all of it together. */
  stats(): Pick<LinkStats, 'packets' | 'lost' | 'retransmitted'> {
    const sum = { packets: 0, lost: 0, retransmitted: 0 }
    for (const { stats } of this.#links) {
      sum.packets += stats.packets
      sum.lost += stats.lost
      sum.retransmitted += stats.retransmitted
    }
    return sum
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()))
  }
}
