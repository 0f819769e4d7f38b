import { memoryLink } from '../../../index.ts'
import type { TrafficCounter } from './counter.ts'

/** The link of the memory family's far end: it counts what is sent, once, whatever it then loses, repeats or doubles. */
export function memoryCounter(address: string): TrafficCounter {
  const { stats } = memoryLink(address)
  return {
    source: 'bytes given to the memory link; it has no headers, and what is retransmitted is not counted again',
    countsLost: true,
    read: () => ({ bytes: stats.bytes, packets: stats.packets }),
    close: async () => undefined,
  }
}
