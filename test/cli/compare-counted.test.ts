import { expect, test } from 'vitest'
import { type Ends, type Place, withEnds } from '../../src/cli/compare/meeting.ts'
import { counterOf, withOverhead } from '../../src/cli/compare/overhead.ts'
import { makePlan, UNDISTURBED } from '../../src/cli/compare/plan.ts'
import { measureQueueOverhead } from '../../src/cli/compare/queue-overhead.ts'
import { retransmissionsOf } from '../../src/cli/compare/retransmissions.ts'
import { type Address, builtinFamilies, createSockets, type Faults, memoryLink } from '../../src/index.ts'
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
  const plan = makePlan({ messages: 10, size: 100, interval: 0 }, UNDISTURBED)
  let closed = 0
  let bytes = 5000
  const counter = {
    source: 'a scripted counter',
    read: () => ({ bytes, packets: 0 }),
    close: async () => {
      closed++
    },
  }
  const work = async (): Promise<string> => {
    bytes += 1420
    return 'done'
  }
  expect(await withOverhead(counter, plan, work)).toEqual({
    done: 'done',
    overhead: { value: 42, source: 'a scripted counter' },
  })
  await expect(withOverhead(counter, plan, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(closed).toBe(2)
  expect((await withOverhead({ reason: 'nobody' }, plan, work)).overhead).toEqual({
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

/** `struct tcp_info` of linux/tcp.h as far as tcpi_total_retrans: eight bytes, then 24 numbers of 32 bits. */
given(pythonHere)('tcp: retransmissions are where linux/tcp.h has them, of both ends together', async () => {
  const script = `import struct, sys; sys.stdout.buffer.write(struct.pack('=8B24I', *range(8), *range(100, 123), 7))`
  const { stdout } = await python(script).end().done
  expect(stdout).toHaveLength(104)
  const end = { getOption: () => stdout }
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

test('where TCP_INFO cannot be read, nobody counts, and it says so', () => {
  const end = {
    getOption: () => {
      throw Object.assign(new Error('no raw options here'), { code: 'ERR_OPTION_UNKNOWN' })
    },
  }
  const { read, source } = retransmissionsOf('tcp', { near: end, far: end, address: '' } as unknown as Ends)
  expect(read()).toBeUndefined()
  expect(source).toMatch(/TCP_INFO cannot be read: ERR_OPTION_UNKNOWN/)
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
