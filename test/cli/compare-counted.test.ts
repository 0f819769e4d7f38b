import { expect, test } from 'vitest'
import { counterOf, withOverhead } from '../../src/cli/compare/counters/overhead.ts'
import { measureQueueOverhead } from '../../src/cli/compare/counters/queue-overhead.ts'
import { retransmissionsOf } from '../../src/cli/compare/counters/retransmissions.ts'
import { type Ends, type Place, withEnds } from '../../src/cli/compare/measure/meeting.ts'
import type { Delivery } from '../../src/cli/compare/result.ts'
import {
  type Address,
  builtinFamilies,
  createSockets,
  type Faults,
  memoryLink,
  StreamEndpoint,
} from '../../src/index.ts'
import { factsOf, given, python as pythonHere, scheme as works } from '../support/need.ts'
import { python } from './support.ts'

const sockets = createSockets(builtinFamilies)

function placeOf(scheme: string, faults?: Faults): Place {
  const family = builtinFamilies.find(({ schemes }) => Object.hasOwn(schemes, scheme))
  return {
    sockets,
    facts: factsOf(scheme),
    address: () => sockets.formatAddress(family?.ephemeral(scheme) as Address),
    options: faults === undefined ? {} : { faults },
    patience: 30_000,
    signal: new AbortController().signal,
  }
}

/** What eight waiting messages of 200 bytes hold in the queue of a socketpair, each, as Python reads it. */
async function heldInPython(type: string, size: number): Promise<number> {
  const script = `
import socket, struct
near, far = socket.socketpair(socket.AF_UNIX, socket.${type})
for number in range(8): near.send(bytes(${size}))
SOL_SOCKET, SO_MEMINFO = 1, 55
print(struct.unpack('9I', near.getsockopt(SOL_SOCKET, SO_MEMINFO, 36))[2] / 8)`
  const { stdout, stderr } = await python(script).end().done
  expect(stderr).toBe('')
  return Number(stdout.toString())
}

for (const [scheme, type, frame] of [
  ['unix', 'SOCK_STREAM', 4],
  ['unixgram', 'SOCK_DGRAM', 0],
  ['unixpacket', 'SOCK_SEQPACKET', 0],
] as const) {
  given(works(scheme), pythonHere)(`${scheme}: a waiting message holds as much as Python's does`, async () => {
    const { value, source } = await withEnds(placeOf(scheme), (ends) => measureQueueOverhead(ends, 200))
    expect(source).toMatch(/SO_MEMINFO; there is no wire/)
    expect(value).toBe((await heldInPython(type, 200 + frame)) - 200)
    expect(value).toBeGreaterThan(0)
  })

  given(works(scheme))(`${scheme}: messages that fill the queue are not waited for`, async () => {
    const { value, source } = await withEnds(placeOf(scheme), (ends) => measureQueueOverhead(ends, 200_000))
    expect(value).toBeUndefined()
    expect(source).toMatch(/does not hold two/)
  })
}

test('where there is no SO_MEMINFO, nobody counts, and it says so', async () => {
  const { value, source } = await withEnds(placeOf('memory'), (ends) => measureQueueOverhead(ends, 200))
  expect(value).toBeUndefined()
  expect(source).toMatch(/^SO_MEMINFO cannot be read: ERR_OPTION_UNKNOWN/)
})

test('overhead is what was counted beyond the messages, a message; the counter is closed whatever happens', async () => {
  const delivery = { sent: 10, delivered: 10, lost: 0, duplicated: 0, reordered: 0 }
  let closed = 0
  let bytes = 5000
  const counter = {
    source: 'a scripted counter',
    countsLost: true,
    read: () => ({ bytes, packets: 0 }),
    close: async () => {
      closed++
    },
  }
  const work = async (): Promise<{ delivery: Delivery }> => {
    bytes += 1420
    return { delivery }
  }
  expect(await withOverhead(counter, 100, work)).toEqual({
    done: { delivery },
    overhead: { value: 42, source: 'a scripted counter' },
  })
  await expect(withOverhead(counter, 100, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(closed).toBe(2)
  expect((await withOverhead({ reason: 'nobody' }, 100, work)).overhead).toEqual({
    value: undefined,
    source: 'nobody',
  })
})

test('the memory link counts bytes of its own, and what was sent again', async () => {
  const faults = { loss: 0.5, delay: 5, seed: 2 }
  await withEnds(placeOf('memory', faults), async (ends) => {
    const counting = await counterOf('memory', ends)
    if ('reason' in counting) throw new Error(counting.reason)
    const again = retransmissionsOf('memory', ends)
    const before = await counting.read()
    const near = ends.near
    if (!('write' in near)) throw new Error('memory makes streams')
    for (let number = 0; number < 20; number++) {
      await new Promise<void>((resolve) => near.write(Buffer.alloc(100), () => resolve()))
    }
    const after = await counting.read()
    expect(after.bytes - before.bytes).toBe(2000)
    expect(after.packets - before.packets).toBe(20)
    expect(again.read()).toBe(memoryLink(ends.address).stats.retransmitted)
    expect(again.read()).toBeGreaterThan(0)
  })
})

/**
 * `struct tcp_info` of linux/tcp.h as far as tcpi_segs_in: eight bytes, 24 numbers of 32 bits with tcpi_total_retrans at their
 * end, four of 64 bits, two of 32.
 */
given(pythonHere)('tcp: retransmissions are where linux/tcp.h has them, of both ends together', async () => {
  const script = `import struct, sys; sys.stdout.buffer.write(struct.pack('=8B24I4Q2I', *range(8), *range(100, 123), 7, *range(6)))`
  const { stdout } = await python(script).end().done
  expect(stdout).toHaveLength(144)
  const end = Object.assign(Object.create(StreamEndpoint.prototype), { getOption: () => stdout })
  Object.defineProperty(end, 'local', { value: { scheme: 'tcp' } })
  const ends = { near: end, far: end, address: '' } as unknown as Ends
  expect(retransmissionsOf('tcp', ends).read()).toBe(14)
})

given(works('tcp'))('tcp: the kernel tells, and on loopback there are none', async () => {
  await withEnds(placeOf('tcp'), async (ends) => {
    const { read, source } = retransmissionsOf('tcp', ends)
    expect(read()).toBe(0)
    expect(source).toMatch(/TCP_INFO/)
  })
})

test('where TCP_INFO is not to be had, nobody counts, and it says so', async () => {
  const place = { ...placeOf('tcp'), options: { engine: 'node' as const } }
  await withEnds(place, async (ends) => {
    const { read, source } = retransmissionsOf('tcp', ends)
    expect(read()).toBeUndefined()
    expect(source).toMatch(/^TCP_INFO is not to be had/)
  })
})

test.each<[what: string, countsLost: boolean, seen: number]>([
  ['before what loses them', true, 10],
  ['behind what loses and copies them', false, 9],
])('what was lost and what came twice costs no overhead: a counter that stands %s', async (_, countsLost, seen) => {
  const delivery = { sent: 10, delivered: 7, lost: 3, duplicated: 2, reordered: 0 }
  let bytes = 0
  const counter = { source: 'it', countsLost, read: () => ({ bytes, packets: 0 }), close: async () => undefined }
  const work = async (): Promise<{ delivery: Delivery }> => {
    bytes += seen * 128
    return { delivery }
  }
  expect((await withOverhead(counter, 100, work)).overhead).toEqual({ value: 28, source: 'it' })
})

test('where nothing comes as far as the counter, there is no overhead to tell', async () => {
  const delivery = { sent: 10, delivered: 0, lost: 10, duplicated: 0, reordered: 0 }
  const counter = {
    source: 'it',
    countsLost: false,
    read: () => ({ bytes: 0, packets: 0 }),
    close: async () => undefined,
  }
  const { overhead } = await withOverhead(counter, 100, async () => ({ delivery }))
  expect(overhead.value).toBeUndefined()
})

test.each([
  ['udp', 0, /nobody sends anything again/],
  ['memorygram', 0, /nobody sends anything again/],
  ['unixgram', 0, /nothing to lose/],
  ['rfcomm', undefined, /baseband/],
  ['l2cap', undefined, /baseband/],
  ['something', undefined, /nobody counts/],
])('%s: sent again is %s', (scheme, value, source) => {
  const again = retransmissionsOf(scheme, { address: '' } as unknown as Ends)
  expect(again.read()).toBe(value)
  expect(again.source).toMatch(source)
})
