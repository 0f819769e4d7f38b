import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { NAME_SIZE, RECEIVE_META } from '../../src/engine/addon.ts'
import {
  AF_INET,
  AF_UNIX,
  at,
  describeNative,
  failure,
  loopback,
  MSG_TRUNC,
  nameOf,
  nothing,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  unixName,
} from './support.ts'

const nobody = new Uint8Array(0)

describeNative('streams', ({ addon, pair }) => {
  test('recv writes where it was told and nowhere else', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    expect(addon.sendv(a, [Buffer.from('hello')], 0, 0)).toBe(5)
    const buffer = Buffer.alloc(10, '.')
    expect(addon.recv(b, buffer, 3, 4)).toBe(4)
    expect(buffer.toString()).toBe('...hell...')
    expect(addon.recv(b, buffer, 9, 1)).toBe(1)
    expect(buffer.toString()).toBe('...hell..o')
    expect(addon.recv(b, buffer, 0, 10)).toBe(failure('EAGAIN'))
  })

  test('recv is 0 at the end, and says when there was a reset', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    addon.shutdown(a, SHUT_WR)
    expect(addon.recv(b, Buffer.alloc(1), 0, 1)).toBe(0)
    const [c, d] = pair(AF_UNIX, SOCK_STREAM)
    addon.sendv(d, [Buffer.from('unread')], 0, 0)
    addon.close(c)
    expect(addon.recv(d, Buffer.alloc(1), 0, 1)).toBe(failure('ECONNRESET'))
  })

  test('sendv begins in the middle of a chunk and goes on with those after it', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const chunks = ['no', 'xabc', '', 'def', 'g'].map((text) => Buffer.from(text))
    expect(addon.sendv(a, chunks, 1, 1)).toBe(7)
    expect(addon.sendv(a, chunks, 4, 1)).toBe(0)
    const buffer = Buffer.alloc(20)
    expect(buffer.subarray(0, addon.recv(b, buffer, 0, 20)).toString()).toBe('abcdefg')
  })

  test('sendv takes IOV_MAX chunks at most', () => {
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    const chunks = Array.from({ length: 3000 }, () => Buffer.from('x'))
    expect(addon.sendv(a, chunks, 0, 0)).toBe(1024)
    expect(addon.sendv(a, chunks, 2000, 0)).toBe(1000)
  })

  test('sendv into a full socket, and to a peer that is gone', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const megabytes = [Buffer.alloc(1 << 20), Buffer.alloc(8 << 20), Buffer.alloc(1 << 20)]
    const taken = addon.sendv(a, megabytes, 0, 0)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(1 << 20)
    expect(addon.sendv(a, megabytes, 0, 0)).toBe(failure('EAGAIN'))
    addon.close(b)
    expect(addon.sendv(a, megabytes, 0, 0)).toBe(failure('EPIPE'))
  })

  test('a megabyte of odd chunks arrives whole through a loop over partial writes', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const chunks = Array.from({ length: 2500 }, (_, i) => Buffer.alloc((i * 37) % 800, i))
    const sent = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
    const received = createHash('sha256')
    const buffer = Buffer.alloc(10_000)
    let first = 0
    let offset = 0
    for (let ended = false; !ended; ) {
      if (first < chunks.length) {
        let taken = addon.sendv(a, chunks, first, offset)
        if (taken < 0) expect(taken).toBe(failure('EAGAIN'))
        for (taken = Math.max(taken, 0) + offset; first < chunks.length; first++) {
          const { length } = chunks[first] ?? { length: 0 }
          if (taken < length) break
          taken -= length
        }
        offset = first < chunks.length ? taken : 0
        if (first === chunks.length) addon.shutdown(a, SHUT_WR)
      }
      const length = addon.recv(b, buffer, 0, buffer.length)
      if (length > 0) received.update(buffer.subarray(0, length))
      ended = length === 0
    }
    expect(received.digest('hex')).toBe(sent)
  })
})

describeNative('messages', ({ addon, pair, socket, path }) => {
  /** Receives up to `count` messages, each as text, its flags and its sender's name. */
  function receive(
    fd: number,
    count: number,
    slot: number,
    offset = 0,
  ): { text: string; flags: number; from: Buffer }[] {
    const slab = Buffer.alloc(offset + count * slot)
    const meta = new Int32Array(RECEIVE_META * count)
    const names = Buffer.alloc(NAME_SIZE * count)
    const received = addon.recvmmsg(fd, slab, offset, slot, count, meta, names, nobody, 0, 0)
    if (received < 0) throw new Error(String(received))
    const total = Array.from({ length: received }, (_, i) => at(meta, RECEIVE_META * i)).reduce((a, b) => a + b, 0)
    const isPacked = 2 * total < received * slot
    let end = offset
    return Array.from({ length: received }, (_, i) => {
      const start = isPacked ? end : offset + i * slot
      end = start + at(meta, RECEIVE_META * i)
      const from = names.subarray(i * NAME_SIZE, i * NAME_SIZE + at(meta, RECEIVE_META * i + 2))
      return { text: slab.toString('latin1', start, end), flags: at(meta, RECEIVE_META * i + 1), from }
    })
  }

  function sendBatch(fd: number, texts: string[], names: Uint8Array[] = []): number {
    const slots = Buffer.alloc(NAME_SIZE * texts.length)
    for (const [i, name] of names.entries()) slots.set(name, i * NAME_SIZE)
    const meta = Int32Array.from(texts.flatMap((text, i) => [text.length, names[i]?.length ?? 0, 0]))
    return addon.sendmmsg(fd, Buffer.from(texts.join('')), meta, slots, texts.length)
  }

  test('sendto and recvmmsg: packed, in order, with their senders', () => {
    const server = socket(AF_UNIX, SOCK_DGRAM)
    const serverName = unixName(path('server'))
    addon.bind(server, serverName)
    const client = socket(AF_UNIX, SOCK_DGRAM)
    const clientName = unixName(path('client'))
    addon.bind(client, clientName)
    for (const text of ['one', '', 'three'])
      expect(addon.sendmsg(client, Buffer.from(text), serverName, nothing)).toBe(text.length)
    expect(addon.sendmsg(socket(AF_UNIX, SOCK_DGRAM), Buffer.from('unnamed'), serverName, nothing)).toBe(7)
    const messages = receive(server, 10, 100, 7)
    expect(messages.map(({ text }) => text)).toEqual(['one', '', 'three', 'unnamed'])
    expect(messages.map(({ from }) => from.length)).toEqual([
      clientName.length,
      clientName.length,
      clientName.length,
      0,
    ])
    expect(messages[2]?.from).toEqual(Buffer.from(clientName))
    expect(() => receive(server, 10, 100)).toThrow(String(failure('EAGAIN')))
  })

  test('a message that is longer than its slot is cut and says so', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    expect(sendBatch(a, ['123456', '1234', ''])).toBe(3)
    const messages = receive(b, 3, 4)
    expect(messages.map(({ text }) => text)).toEqual(['1234', '1234', ''])
    expect(messages.map(({ flags }) => flags & MSG_TRUNC)).toEqual([MSG_TRUNC, 0, 0])
  })

  test('slots without room take only the news that there was a message', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    sendBatch(a, ['x', ''])
    expect(receive(b, 5, 0).map(({ text, flags }) => [text, flags & MSG_TRUNC])).toEqual([
      ['', MSG_TRUNC],
      ['', 0],
    ])
  })

  test('sendmmsg to several names, and to the connected peer', () => {
    const [one, two] = [socket(AF_INET, SOCK_DGRAM), socket(AF_INET, SOCK_DGRAM)]
    for (const fd of [one, two]) expect(addon.bind(fd, loopback(0))).toBe(0)
    const [nameOne, nameTwo] = [nameOf(addon, one), nameOf(addon, two)]
    const client = socket(AF_INET, SOCK_DGRAM)
    expect(addon.connect(client, nameTwo)).toBe(0)
    expect(sendBatch(client, ['a', 'bb', '', 'dddd'], [nameOne, nobody, nameOne, nameTwo])).toBe(4)
    expect(receive(one, 5, 10).map(({ text }) => text)).toEqual(['a', ''])
    const received = receive(two, 5, 10)
    expect(received.map(({ text }) => text)).toEqual(['bb', 'dddd'])
    expect(received[0]?.from).toEqual(nameOf(addon, client))
  })

  test('more messages than a batch holds: none is lost, doubled or out of order', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    const texts = Array.from({ length: 5000 }, (_, i) => String(i).repeat(i % 5))
    const received: string[] = []
    let sent = 0
    while (received.length < texts.length) {
      if (sent < texts.length) {
        const count = sendBatch(a, texts.slice(sent, sent + 1100))
        expect(count).toBeLessThanOrEqual(1024)
        if (count < 0) expect(count).toBe(failure('EAGAIN'))
        sent += Math.max(count, 0)
      }
      received.push(...receive(b, 7, 32).map(({ text }) => text))
    }
    expect(received).toEqual(texts)
  })

  test('a batch stops at 1024 messages on either side', () => {
    const receiver = socket(AF_INET, SOCK_DGRAM)
    addon.bind(receiver, loopback(0))
    addon.setsockopt(receiver, 1, 33, new Uint8Array(new Int32Array([8 << 20]).buffer)) // SO_RCVBUFFORCE
    const sender = socket(AF_INET, SOCK_DGRAM)
    addon.connect(sender, nameOf(addon, receiver))
    const texts = Array.from({ length: 1500 }, (_, i) => String.fromCharCode(97 + (i % 26)))
    expect(sendBatch(sender, texts)).toBe(1024)
    const messages = receive(receiver, 1500, 2)
    expect(messages.length).toBeGreaterThan(0)
    expect(messages.length).toBeLessThanOrEqual(1024)
    expect(messages.map(({ text }) => text)).toEqual(texts.slice(0, messages.length))
  })

  test('what cannot be sent: too long, nobody there, a name of another family', () => {
    const udp = socket(AF_INET, SOCK_DGRAM)
    expect(addon.sendmsg(udp, Buffer.alloc(65508), loopback(9), nothing)).toBe(failure('EMSGSIZE'))
    expect(addon.sendmsg(udp, Buffer.alloc(1), nobody, nothing)).toBe(failure('EDESTADDRREQ'))
    expect(addon.sendmsg(udp, Buffer.alloc(1), unixName('/x'), nothing)).toBe(failure('EINVAL'))
    const unix = socket(AF_UNIX, SOCK_DGRAM)
    expect(addon.sendmsg(unix, Buffer.alloc(1), unixName(path('nobody')), nothing)).toBe(failure('ENOENT'))
  })

  test('a batch with a bad message sends those before it, and the next call says what was wrong', () => {
    const receiver = socket(AF_INET, SOCK_DGRAM)
    addon.bind(receiver, loopback(0))
    const name = nameOf(addon, receiver)
    const sender = socket(AF_INET, SOCK_DGRAM)
    expect(sendBatch(sender, ['a', 'b', 'c'], [name, unixName('/x'), name])).toBe(1)
    expect(sendBatch(sender, ['b', 'c'], [unixName('/x'), name])).toBe(failure('EINVAL'))
    expect(receive(receiver, 5, 10).map(({ text }) => text)).toEqual(['a'])
  })

  test('batches of nothing', () => {
    const [a, b] = pair(AF_UNIX, SOCK_DGRAM)
    expect(sendBatch(a, [])).toBe(0)
    expect(receive(b, 0, 10)).toEqual([])
  })
})
