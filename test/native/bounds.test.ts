import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_FDS, NAME_SIZE } from '../../src/engine/addon.ts'
import { AF_UNIX, at, describeNative, failure, nothing, run, SOCK_DGRAM, SOCK_STREAM } from './support.ts'

const EINVAL = failure('EINVAL')
const MAX_LENGTH = 2 ** 53

/** Values that are none of what the addon takes. */
const nonsense: unknown[] = [undefined, null, 'text', true, 1n, Symbol('s'), {}, [], () => {}, new Date()]
const badNumbers: unknown[] = [...nonsense, Number.NaN, 1.5, Number.POSITIVE_INFINITY, 2 ** 60, new Uint8Array(8)]
const badSizes: unknown[] = [...badNumbers, -1]
const badInts: unknown[] = [...badNumbers, 2 ** 31, -(2 ** 31) - 1, 2 ** 32]
const otherArrays = [Uint8ClampedArray, Int8Array, Uint16Array, Uint32Array, Float64Array, BigInt64Array]
const notArrays: unknown[] = [
  ...nonsense,
  0,
  new ArrayBuffer(8),
  new SharedArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
]
const badBytes: unknown[] = [...notArrays, new Int32Array(8), ...otherArrays.map((Type) => new Type(512))]
const badWords: unknown[] = [...notArrays, new Uint8Array(512), ...otherArrays.map((Type) => new Type(512))]

function detached(bytes: Uint8Array): Uint8Array {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
  return bytes
}

describeNative('arguments', ({ addon, pair }) => {
  const int = { bad: badInts }
  const size = { bad: badSizes }
  const bytes = { bad: badBytes }
  const words = { bad: badWords }
  const fd = int
  const listOfBytes = { bad: [...notArrays.filter((value) => !Array.isArray(value)), new Proxy([], {})] }
  const target = { bad: [...nonsense.filter((value) => typeof value !== 'object' || value === null), 0] }
  const events = { bad: [...badInts, 8, 16, -1] }
  const callback = { bad: nonsense.filter((value) => typeof value !== 'function') }
  const memory = new Uint8Array(4 * NAME_SIZE)
  const lengths = new Int32Array(8)

  /** For each function, a call that is all right but for its descriptor, and what each argument is. */
  const calls: Record<string, { args: unknown[]; kinds: { bad: unknown[] }[] }> = {
    socket: { args: [AF_UNIX, 99, 0], kinds: [int, int, int] },
    socketpair: { args: [AF_UNIX, 99, 0, lengths], kinds: [int, int, int, words] },
    bind: { args: [-1, memory.subarray(0, 16)], kinds: [fd, bytes] },
    connect: { args: [-1, memory.subarray(0, 16)], kinds: [fd, bytes] },
    listen: { args: [-1, 1], kinds: [fd, int] },
    accept: { args: [-1, memory, lengths], kinds: [fd, bytes, words] },
    getsockname: { args: [-1, memory], kinds: [fd, bytes] },
    getpeername: { args: [-1, memory], kinds: [fd, bytes] },
    getsockopt: { args: [-1, 1, 1, memory], kinds: [fd, int, int, bytes] },
    setsockopt: { args: [-1, 1, 1, memory], kinds: [fd, int, int, bytes] },
    shutdown: { args: [-1, 1], kinds: [fd, int] },
    own: { args: [-1], kinds: [fd] },
    adopt: { args: [-1], kinds: [fd] },
    release: { args: [-1], kinds: [fd] },
    close: { args: [-1], kinds: [fd] },
    recv: { args: [-1, memory, 0, 1], kinds: [fd, bytes, size, size] },
    send: { args: [-1, memory, 0, 1], kinds: [fd, bytes, size, size] },
    sendv: { args: [-1, [memory], 0, 0], kinds: [fd, listOfBytes, size, size] },
    sendmsg: { args: [-1, memory, memory.subarray(0, 16), memory], kinds: [fd, bytes, bytes, bytes] },
    sendmmsg: { args: [-1, memory, lengths, memory, 1], kinds: [fd, bytes, words, bytes, size] },
    recvmmsg: {
      args: [-1, memory, 0, 1, 1, lengths, memory, memory, 8, 0],
      kinds: [fd, bytes, size, size, size, words, bytes, bytes, size, int],
    },
    duplicate: { args: [-1], kinds: [fd] },
    recvfds: {
      args: [-1, memory, 0, 1, new Int32Array(MAX_FDS), lengths],
      kinds: [fd, bytes, size, size, words, words],
    },
    watch: { args: [-1, {}, {}, () => {}], kinds: [fd, target, target, callback] },
    wait: { args: [-1, 1, {}], kinds: [fd, events, target] },
    ref: { args: [-1, {}], kinds: [fd, target] },
    unref: { args: [-1, {}], kinds: [fd, target] },
  }

  test('every function is in the table', () => {
    // They have no descriptor, and tests of their own.
    expect([...Object.keys(calls), 'outside', 'report', 'slab', 'tellClosed'].sort()).toEqual(Object.keys(addon).sort())
  })

  for (const [name, { args, kinds }] of Object.entries(calls)) {
    test(`${name} refuses arguments of another type, and too few of them`, () => {
      const call = (...values: unknown[]): unknown => Reflect.apply(Reflect.get(addon, name), addon, values)
      const good = call(...args)
      if (name !== 'socket' && name !== 'socketpair') expect(good).toBe(failure('EBADF'))
      kinds.forEach(({ bad }, index) => {
        for (const value of bad)
          expect([String(typeof value), call(...args.with(index, value))]).toEqual([typeof value, EINVAL])
        expect(call(...args.slice(0, index))).toBe(EINVAL)
      })
      expect(call(...args, 'one too many')).toBe(good)
    })
  }

  test('arrays that are too small for what is to be written', () => {
    expect(addon.socketpair(AF_UNIX, SOCK_DGRAM, 0, new Int32Array(1))).toBe(EINVAL)
    expect(addon.accept(-1, memory, new Int32Array(0))).toBe(EINVAL)
    expect(addon.recvfds(-1, memory, 0, 1, new Int32Array(MAX_FDS - 1), lengths)).toBe(EINVAL)
    expect(addon.recvfds(-1, memory, 0, 1, new Int32Array(MAX_FDS), new Int32Array(1))).toBe(EINVAL)
    expect(addon.recvfds(-1, memory, 0, memory.length + 1, new Int32Array(MAX_FDS), lengths)).toBe(EINVAL)
    expect(addon.bind(-1, new Uint8Array(NAME_SIZE + 1))).toBe(EINVAL)
    expect(addon.sendmsg(-1, memory, new Uint8Array(NAME_SIZE + 1), nothing)).toBe(EINVAL)
  })

  test('slab makes whole blocks of memory, none too large', () => {
    expect(addon.slab(128)).toBeInstanceOf(Buffer)
    expect(addon.slab(128).length).toBe(128)
    for (const size of [0, -64, 1, 65, 64.5, NaN, 33 * 2 ** 20, MAX_LENGTH, '64', undefined])
      expect([size, addon.slab(size as number)]).toEqual([size, EINVAL])
  })

  test('recv keeps to the buffer', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    addon.sendv(a, [Buffer.alloc(100, 'x')], 0, 0)
    const buffer = new Uint8Array(10)
    for (const [offset, length] of [
      [0, 11],
      [10, 1],
      [11, 0],
      [5, 6],
      [MAX_LENGTH - 1, 1],
      [1, MAX_LENGTH - 1],
    ] as const) {
      expect(addon.recv(b, buffer, offset, length)).toBe(EINVAL)
    }
    expect(addon.recv(b, detached(new Uint8Array(10)), 0, 10)).toBe(EINVAL)
    expect(addon.recv(b, buffer, 10, 0)).toBe(0)
    expect(buffer).toEqual(new Uint8Array(10))
  })

  test('sendv keeps to the chunks', () => {
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    const chunks = [new Uint8Array(3), new Uint8Array(3)]
    expect(addon.sendv(a, chunks, 2, 0)).toBe(EINVAL)
    expect(addon.sendv(a, chunks, 0, 4)).toBe(EINVAL)
    expect(addon.sendv(a, [], 0, 0)).toBe(EINVAL)
    expect(addon.sendv(a, [new Uint8Array(1), 'text' as unknown as Uint8Array], 0, 0)).toBe(EINVAL)
    expect(addon.sendv(a, new Array<Uint8Array>(3), 0, 0)).toBe(EINVAL)
    expect(addon.sendv(a, [detached(new Uint8Array(3))], 0, 1)).toBe(EINVAL)
  })

  test('a chunk that an accessor takes away is not read', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const first = Buffer.from(new ArrayBuffer(1 << 20))
    const chunks: Uint8Array[] = [first]
    Object.defineProperty(chunks, 1, {
      configurable: true,
      get() {
        detached(first)
        return Buffer.from('second')
      },
    })
    expect(addon.sendv(a, chunks, 0, 0)).toBe(6)
    expect(addon.recv(b, new Uint8Array(100), 0, 100)).toBe(6)
    Object.defineProperty(chunks, 1, {
      get() {
        throw new RangeError('from an accessor')
      },
    })
    expect(() => addon.sendv(a, chunks, 0, 0)).toThrow('from an accessor')
  })

  test('an accessor may send by itself', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const chunks: Uint8Array[] = [Buffer.from('first ')]
    Object.defineProperty(chunks, 1, {
      get() {
        const many = Array.from({ length: 500 }, () => Buffer.from('inner '))
        expect(addon.sendv(a, many, 0, 0)).toBe(3000)
        return Buffer.from('second')
      },
    })
    expect(addon.sendv(a, chunks, 0, 0)).toBe(12)
    const received = Buffer.alloc(4000)
    const text = received.toString('latin1', 0, addon.recv(b, received, 0, 4000))
    expect(text).toBe(`${'inner '.repeat(500)}first second`)
  })

  test('sendmmsg keeps to its arrays', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    const slab = new Uint8Array(10)
    const names = new Uint8Array(2 * NAME_SIZE)
    const send = (meta: number[], count: number, nameSlots = names): number =>
      addon.sendmmsg(a, slab, Int32Array.from(meta), nameSlots, count)
    expect(send([11, 0, 0], 1)).toBe(EINVAL)
    expect(send([5, 0, 0, 6, 0, 0], 2)).toBe(EINVAL)
    expect(send([-1, 0, 0], 1)).toBe(EINVAL)
    expect(send([5, 0, 0, -1, 0, 0, 5, 0, 0], 3)).toBe(EINVAL)
    expect(send([1, 0], 1)).toBe(EINVAL)
    expect(send([1, 0, 0, 1, 0], 2)).toBe(EINVAL)
    expect(send([1, NAME_SIZE + 1, 0], 1)).toBe(EINVAL)
    expect(send([1, -1, 0], 1)).toBe(EINVAL)
    expect(send([1, 0, -1], 1)).toBe(EINVAL)
    expect(send([1, 0, 0x10000], 1)).toBe(EINVAL)
    expect(send([1, 0, 0, 1, 16, 0], 2, new Uint8Array(NAME_SIZE + 15))).toBe(EINVAL)
    expect(addon.recv(b, slab, 0, 10)).toBe(failure('EAGAIN'))
    expect(send([5, 0, 0, 5, 0, 0], 2, new Uint8Array(0))).toBe(2)
  })

  test('recvmmsg keeps to its arrays', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    addon.sendmsg(a, new Uint8Array(5), nothing, nothing)
    const slab = new Uint8Array(20)
    const meta = new Int32Array(10)
    const names = new Uint8Array(2 * NAME_SIZE)
    const controls = new Uint8Array(64)
    const receive = (offset: number, slot: number, count: number): number =>
      addon.recvmmsg(b, slab, offset, slot, count, meta, names, controls, 32, 0)
    for (const [offset, slot, count] of [
      [0, 21, 1],
      [0, 11, 2],
      [1, 10, 2],
      [21, 0, 1],
      [MAX_LENGTH - 1, 1, 1],
      [0, MAX_LENGTH - 1, 2],
      [0, 1, 3],
    ] as const) {
      expect(receive(offset, slot, count)).toBe(EINVAL)
    }
    expect(addon.recvmmsg(b, slab, 0, 10, 2, new Int32Array(9), names, controls, 0, 0)).toBe(EINVAL)
    expect(addon.recvmmsg(b, slab, 0, 10, 2, meta, new Uint8Array(2 * NAME_SIZE - 1), controls, 0, 0)).toBe(EINVAL)
    for (const size of [31, 33, 40])
      expect(addon.recvmmsg(b, slab, 0, 10, 2, meta, names, controls, size, 0)).toBe(EINVAL)
    expect(addon.recvmmsg(b, slab, 0, 10, 1, meta, names, controls.subarray(1), 32, 0)).toBe(EINVAL)
    expect(addon.recvmmsg(b, slab, 0, 10, 2, meta, names, controls, MAX_LENGTH - 1, 0)).toBe(EINVAL)
    expect(receive(0, 10, 2)).toBe(1)
  })

  test('whatever the numbers, nothing outside the window is written', () => {
    const length = fc.oneof(fc.integer({ min: -2, max: 70 }), fc.constantFrom(2 ** 31, 2 ** 32 + 1, MAX_LENGTH))
    fc.assert(
      fc.property(length, length, length, fc.integer({ min: 0, max: 64 }), (offset, slot, count, sent) => {
        const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
        addon.sendmsg(a, new Uint8Array(sent).fill(7), nothing, nothing)
        const whole = new Uint8Array(128)
        const slab = whole.subarray(32, 96)
        const meta = new Int32Array(20)
        const names = new Uint8Array(4 * NAME_SIZE)
        const received = addon.recvmmsg(b, slab, offset, slot, count, meta, names, names, 0, 0)
        const end = received === 1 ? 32 + offset + at(meta, 0) : 0
        whole.forEach((byte, index) => {
          if (byte !== 0 && (received !== 1 || index < 32 + offset || index >= end)) expect.unreachable()
        })
        if (received === 1) expect(at(meta, 0)).toBe(Math.min(sent, slot))
        addon.close(a)
        addon.close(b)
      }),
    )
  })
})

describeNative('memory that another thread writes to', () => {
  test('is read once: what was checked is what is used', { timeout: 30_000 }, async () => {
    const { code, signal, stdout, stderr } = await run('shared.mjs', ['3000'])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ received: true })
  })
})
