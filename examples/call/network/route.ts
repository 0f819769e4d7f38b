import type { Faults, LinkStats } from 'polysocket'
import { type BadLink, badLink } from './bad-link.ts'

/**
 * The caller's way to the other side. With faults everything crosses links of the memory family in the caller's own process:
 * so any pair of schemes can be disturbed, and connections be cut, without privileges. Without them it is the straight way.
 */
export class Route {
  readonly #faults: Faults | undefined
  readonly #links: BadLink[] = []

  constructor(faults: Faults | undefined) {
    this.#faults = faults
  }

  /** The address to connect to instead. */
  async via(address: string): Promise<string> {
    return this.#faults === undefined ? address : (await this.link(address)).address
  }

  /** A link in any case, since it can be cut. */
  async link(address: string): Promise<BadLink> {
    const link = await badLink(address, this.#faults ?? {})
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
