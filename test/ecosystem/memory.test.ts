import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { KiB, MiB } from '../support/bytes.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

/** The kernel's share: the largest send and receive buffer that it gives a TCP socket, tcp(7), or a Unix one, socket(7). */
function kernelBuffers(name: 'tcp' | 'unix'): number {
  const read = (path: string): number =>
    Number(readFileSync(`/proc/sys/net/${path}`, 'utf8').trim().split(/\s+/).at(-1))
  if (name === 'tcp') return read('ipv4/tcp_wmem') + read('ipv4/tcp_rmem')
  // What a Unix socket has sent counts against its send buffer until it is read; there is no other.
  return read('core/wmem_default')
}

/** One chunk may be over the high-water mark, and one slab of the engine is half used. */
const slack = 64 * KiB + MiB

interface Measured {
  readonly arrayBuffers: number
  readonly rss: number
}

interface Report extends Measured {
  readonly stalled: Measured & { written: number }
  readonly read: number
  readonly highWaterMark: number
}

const cases = (['tcp', 'unix'] as const).flatMap((name) =>
  (['kernel', 'node'] as const).map((engine) => ({ name, engine })),
)

describe.each(cases)('a slow reader, $name, $engine engine', ({ name, engine }) => {
  given(scheme(name, engine))(
    'holds up the writer, and memory stays within the high-water marks and a slab',
    async () => {
      await using directory = await temporaryDirectory()
      const address = name === 'unix' ? `unix:${directory.file('socket')}` : 'tcp://127.0.0.1:0'
      const script = new URL('scripts/slow-reader.mjs', import.meta.url)
      await using child = startNode(script, [address, engine, '256'])
      const { stalled, read, arrayBuffers, rss, highWaterMark } = await child.report<Report>()
      expect(read).toBe(256 * MiB)
      expect(stalled.written).toBeLessThanOrEqual(highWaterMark + kernelBuffers(name) + slack)
      // Both ends are in this process: what waits to be written and what waits to be read, and no more.
      expect(stalled.arrayBuffers).toBeLessThanOrEqual(highWaterMark + slack)
      // While it reads slowly, what was read and not collected yet comes on top: of 256 MiB a few.
      expect(arrayBuffers).toBeLessThanOrEqual(8 * MiB)
      expect(rss).toBeLessThan(64 * MiB)
      expect((await child.exited).code).toBe(0)
    },
    60_000,
  )
})

interface MessageReport {
  readonly stalled: { sent: number; queued: number; dropped: number; buffers: number }
  readonly sent: number
  readonly received: number
  readonly dropped: number
}

describe('a receiver that takes one message and no more', () => {
  const script = new URL('scripts/slow-receiver.mjs', import.meta.url)
  const count = 50_000
  /** 4,096 messages wait, and one batch of the engine comes after the queue is full. */
  const queue = 4096 + 1024

  given(scheme('unixpacket'))(
    'unixpacket holds up the sender, and nothing is lost',
    async () => {
      await using child = startNode(script, ['unixpacket', String(count)])
      const { stalled, ...report } = await child.report<MessageReport>()
      expect(stalled.queued).toBeLessThanOrEqual(queue)
      expect(stalled.sent).toBeLessThanOrEqual(queue + kernelBuffers('unix') / KiB)
      expect(stalled.buffers).toBeLessThanOrEqual(12 * MiB)
      expect(report).toEqual({ sent: count, received: count, dropped: 0 })
    },
    60_000,
  )

  given(scheme('udp', 'kernel'))(
    'udp drops what comes too late, and counts it',
    async () => {
      await using child = startNode(script, ['udp', String(count)])
      const { stalled, sent, received, dropped } = await child.report<MessageReport>()
      expect(sent).toBe(count)
      expect(stalled.queued).toBeLessThanOrEqual(queue)
      expect(stalled.dropped).toBeGreaterThan(0)
      expect(stalled.buffers).toBeLessThanOrEqual(12 * MiB)
      // The kernel's own buffer may have lost some more.
      expect(received + dropped).toBeLessThanOrEqual(count)
      expect(received).toBeGreaterThan(4000)
    },
    60_000,
  )
})
