import type { Plan } from '../plan.ts'
import type { Boundaries } from '../result.ts'
import { openLink } from './link.ts'
import type { Ends } from './meeting.ts'
import { pauseUntil, untilQuiet } from './quiet.ts'

/** All different, so that each is known by its length; none beyond L2CAP's usual largest message. */
const SIZES: readonly number[] = [1, 600, 2, 100, 33, 512, 7, 250, 64, 150, 4, 333, 640, 16, 400, 90]

/** Sends messages of different sizes at once, and looks whether each read gives what one write sent. */
export async function measureBoundaries(ends: Ends, plan: Plan): Promise<Boundaries> {
  const writes = SIZES.map((size) => Buffer.alloc(size, size))
  const wanted = SIZES.reduce((sum, size) => sum + size, 0)
  const reads: Buffer[] = []
  let bytes = 0
  const link = openLink(ends, (read) => {
    reads.push(read)
    bytes += read.length
  })
  const sendAll = async (): Promise<void> => {
    await Promise.all(writes.map((write) => link.write(write)))
    const patience = ends.near.facts.reliable ? plan.patience : plan.silence
    const isOver = (): boolean => bytes >= wanted
    await untilQuiet(patience, () => bytes, isOver, pauseUntil(ends.over))
  }
  await Promise.race([sendAll(), ends.broken])
  const kept = reads.length > 0 && reads.every((read) => writes.some((write) => write.equals(read)))
  return { kept, writes: writes.length, reads: reads.length }
}
