import { roundTrip } from '../../../families/memory/lane.ts'
import type { LinkFaults } from '../result.ts'

/** How netem is to disturb a link: the words after `netem`, and the table that they name, if any; tc-netem(8). */
export interface Netem {
  readonly words: readonly string[]
  /** Goes into a file `TABLE.dist`, where tc looks for it. */
  readonly table: readonly number[]
}

export const TABLE = 'polysocket'

/** Packets that may be on their way at a time. By itself it is 1000, and what is beyond that is lost, whatever `loss` says. */
const LIMIT = 100_000
/** Of at most 16,384 (NETEM_DIST_MAX): the delays are as many, and shares are kept to a fortieth of a percent. */
const TABLE_SIZE = 4000
/** A table has 16-bit numbers, of which this many are one JITTER (NETEM_DIST_SCALE in the kernel's sch_netem.c). */
const SCALE = 8192
const LARGEST = 32_767

/**
 * The memory family's faults (src/families/memory/faults.ts) in netem's words. The same are: loss, duplication, a delay evenly
 * spread from `delay` to `delay + jitter`, and what reordering is. netem's own `reorder` sends packets at once, ahead of all that are on their way,
 * so that one of them makes many late; here as there a packet is held back for a round trip. So delay, jitter and reordering are one
 * distribution of delays, by a table.
 *
 * Different are:
 * - Whatever crosses the loopback interface is disturbed, packet by packet: TCP's acknowledgements and handshakes too, and of a
 *   stream it is packets that are held back or duplicated, which TCP then puts right; the memory family does it for TCP.
 * - A packet that is chosen for both loss and duplication is neither, where in the memory family it is lost.
 * - The copy of a duplicate may be held back as well.
 * - A program that moves to another CPU between two messages may see the second overtake the first: lo has a queue for each CPU.
 * - A datagram of more than 1472 bytes is several packets, and lost if one of them is.
 * - Messages of one length that are sent at once, by sendBatch or in one turn of the event loop, are one packet by UDP_SEGMENT, and
 *   lost together: the kernel takes them apart only after netem.
 * - The seed counts with iproute2 6.6 and Linux 6.7 or later, and even then which packet meets which number depends on TCP's timing.
 */
export function netemOf(faults: LinkFaults): Netem {
  const { loss, duplicate } = faults
  const { delay, table } = delaysOf(faults)
  const words = [
    ...['limit', String(LIMIT)],
    ...(loss > 0 ? ['loss', percent(loss)] : []),
    ...(duplicate > 0 ? ['duplicate', percent(duplicate)] : []),
    ...delay,
  ]
  return { words, table }
}

/** `delay TIME JITTER distribution TABLE`: each packet takes TIME + JITTER * (a random entry of the table) / SCALE. */
function delaysOf({ delay, jitter, reorder }: LinkFaults): { delay: string[]; table: number[] } {
  const held = reorder > 0 ? Math.max(1, Math.round(reorder * TABLE_SIZE)) : 0
  const extras = [...spread(held, roundTrip({ delay, jitter }), jitter), ...spread(TABLE_SIZE - held, 0, jitter)]
  const longest = Math.max(...extras)
  if (longest === 0) return { delay: delay > 0 ? ['delay', time(delay)] : [], table: [] }
  return {
    // tc takes no distribution without a delay: a microsecond then.
    delay: ['delay', time(Math.max(delay, 0.001)), time((longest * SCALE) / LARGEST), 'distribution', TABLE],
    table: extras.map((extra) => Math.round((LARGEST * extra) / longest)),
  }
}

/** So many values, evenly spread over `width` from `start` on. */
function spread(count: number, start: number, width: number): number[] {
  return Array.from({ length: count }, (_, index) => start + (width * (index + 0.5)) / count)
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(6))}%`
}

function time(milliseconds: number): string {
  return `${Number(milliseconds.toFixed(6))}ms`
}
