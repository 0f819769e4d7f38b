import { memoryLink } from '../../index.ts'
import type { TrafficCounter } from './counter.ts'

/** The link of the memory family's far end. There are no headers, and what is sent again is not counted again. */
export function memoryCounter(address: string): TrafficCounter {
  const { stats } = memoryLink(address)
  return {
    source: 'bytes that the memory link carried; it has no headers',
    read: () => ({ bytes: stats.bytes, packets: stats.packets }),
    close: async () => undefined,
  }
}
