import { endianness } from 'node:os'
import { isStream } from '../../open.ts'
import { errorText } from '../../report.ts'
import { frame } from '../measure/frames.ts'
import type { Endpoint, Ends } from '../measure/meeting.ts'
import { numberedMessage } from '../measure/numbered-message.ts'
import type { Counted } from '../result.ts'

/** SO_MEMINFO of asm-generic/socket.h gives the unsigned 32-bit numbers that linux/sock_diag.h names SK_MEMINFO_*. */
const SO_MEMINFO = { level: 1, name: 55, length: 36 }
/** Bytes of kernel memory that what this socket sent holds, until it is read: SK_MEMINFO_WMEM_ALLOC, SK_MEMINFO_SNDBUF. */
const WMEM_ALLOC = 2
const SNDBUF = 3

/** Fewer than fit into the queue of a unix datagram socket, net.unix.max_dgram_qlen: 10 by default. */
const MOST_WAITING = 8
/** What the kernel adds to a message, at the most, as far as room is concerned. */
const ROOM = 2048

const SOURCE = 'kernel memory that each waiting message holds beside its bytes, by SO_MEMINFO; there is no wire'

/** What a message holds beside itself while it waits in the queue between the two ends: they are in one kernel. */
export async function measureQueueOverhead({ near, broken }: Ends, size: number): Promise<Counted> {
  try {
    const room = meminfo(near, SNDBUF) / 2
    const waiting = Math.min(MOST_WAITING, Math.floor(room / (size + ROOM)))
    if (waiting < 1) return { value: undefined, source: 'the queue does not hold two of these messages' }
    const before = meminfo(near, WMEM_ALLOC)
    for (let number = 0; number < waiting; number++) {
      await Promise.race([put(near, numberedMessage(number, size)), broken])
    }
    return { value: (meminfo(near, WMEM_ALLOC) - before) / waiting - size, source: SOURCE }
  } catch (error) {
    return { value: undefined, source: `SO_MEMINFO cannot be read: ${errorText(error)}` }
  }
}

/**
 * Into the queue by a system call of its own, and without a turn of the event loop, in which the far end would read: a stream
 * reads ahead.
 */
async function put(near: Endpoint, message: Buffer): Promise<void> {
  if (!isStream(near)) return near.send(message)
  await new Promise<void>((resolve) => near.write(frame(message), () => resolve()))
}

function meminfo(end: Endpoint, index: number): number {
  const numbers = end.getOption(SO_MEMINFO)
  return endianness() === 'LE' ? numbers.readUInt32LE(index * 4) : numbers.readUInt32BE(index * 4)
}
