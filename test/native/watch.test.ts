import { AsyncLocalStorage } from 'node:async_hooks'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { DISCONNECTED, FAILED, READABLE, WRITABLE } from '../../src/engine/addon.ts'
import { given, need, program } from '../support/need.ts'
import {
  AF_INET,
  AF_UNIX,
  at,
  describeNative,
  failure,
  isOpen,
  loopback,
  nameOf,
  nothing,
  run,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  unixName,
  until,
  type Watched,
} from './support.ts'

const strace = program('strace', ['true'], 'apt-get install strace')
const noSanitizers = need(process.env.LD_PRELOAD === undefined, 'a sanitizer cannot be traced', 'run: npm test')

const SO_TYPE = 3
const FAILURE = FAILED | READABLE | WRITABLE

function nothingMore(): void {}

/** Opens while no number below `wanted` is free: collected sockets free theirs at any time. */
function withNumber(wanted: number, open: () => number): number {
  const below: number[] = []
  let next = openSync('/dev/null', 'r')
  for (; next < wanted; next = openSync('/dev/null', 'r')) below.push(next)
  closeSync(next)
  const fd = open()
  for (const each of below) closeSync(each)
  return fd
}

describeNative('watch', ({ addon, pair, path, socket, watch }) => {
  const send = (fd: number, text: string): number => addon.sendv(fd, [Buffer.from(text)], 0, 0)
  const receive = (fd: number): number => addon.recv(fd, new Uint8Array(100), 0, 100)

  test('reports what it waits for, as long as it is so', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const seen: number[] = []
    const w = watch(a, (events) => {
      seen.push(events)
      if (seen.length === 3) receive(a)
    })
    expect(w.set(READABLE)).toBe(0)
    await sleep(20)
    expect(seen).toEqual([])
    send(b, 'x')
    await until(() => seen.length >= 3)
    await sleep(20)
    expect(seen).toEqual([READABLE, READABLE, READABLE])
    w.set(READABLE | WRITABLE)
    await until(() => seen.length > 3)
    expect(seen[3]).toBe(WRITABLE)
    w.set(0)
    const { length } = seen
    send(b, 'x')
    await sleep(20)
    expect(seen.length).toBe(length)
  })

  test('the callback is called on the target, with what is ready at once; one function does for many', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    send(b, 'x')
    const calls: unknown[] = []
    function onReady(this: { fd: number }, ...args: unknown[]): void {
      calls.push([this, ...args])
      addon.wait(this.fd, 0, this)
    }
    const targets = [{ fd: a }, { fd: b }]
    for (const target of targets) expect(addon.watch(target.fd, target, {}, onReady)).toBe(0)
    for (const target of targets) expect(addon.wait(target.fd, READABLE | WRITABLE, target)).toBe(0)
    await until(() => calls.length > 1)
    expect(calls).toEqual([
      [targets[0], READABLE | WRITABLE],
      [targets[1], WRITABLE],
    ])
    const [first, second] = targets as [{ fd: number }, { fd: number }]
    expect(addon.close(a, first)).toBe(0)
    // The function is still held for the other one.
    addon.wait(b, WRITABLE, second)
    await until(() => calls.length > 2)
    expect((calls[2] as [unknown])[0]).toBe(targets[1])
  })

  test('the end of the peer is readable, and DISCONNECTED for who asks', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const seen: number[] = []
    const w = watch(a, (events) => {
      seen.push(events)
      w.set(0)
    })
    w.set(DISCONNECTED)
    send(b, 'x')
    await sleep(20)
    expect(seen).toEqual([])
    addon.shutdown(b, SHUT_WR)
    await until(() => seen.length === 1)
    w.set(READABLE)
    await until(() => seen.length === 2)
    w.set(READABLE | WRITABLE | DISCONNECTED)
    await until(() => seen.length === 3)
    expect(seen).toEqual([DISCONNECTED, READABLE, READABLE | WRITABLE | DISCONNECTED])
  })

  test('DISCONNECTED never comes to a listener, nor to a socket of messages without a peer', async () => {
    const listeners = [socket(AF_UNIX, SOCK_STREAM), socket(AF_UNIX, SOCK_SEQPACKET), socket(AF_INET, SOCK_STREAM)]
    const receivers = [socket(AF_UNIX, SOCK_DGRAM), socket(AF_INET, SOCK_DGRAM)]
    const seen: number[] = []
    for (const fd of [...listeners, ...receivers]) {
      const name = addon.getsockname(fd, new Uint8Array(0)) === 2 ? unixName(path('socket')) : loopback(0)
      expect(addon.bind(fd, name)).toBe(0)
      const isListener = listeners.includes(fd)
      if (isListener) expect(addon.listen(fd, 5)).toBe(0)
      watch(fd, (events) => seen.push(fd, events)).set(DISCONNECTED)
      const domain = name.length === 16 ? AF_INET : AF_UNIX
      const type = new Int32Array(1)
      addon.getsockopt(fd, SOL_SOCKET, SO_TYPE, new Uint8Array(type.buffer))
      const peer = socket(domain, at(type, 0))
      const result = addon.connect(peer, nameOf(addon, fd))
      expect([0, failure('EINPROGRESS')]).toContain(result)
      if (!isListener) expect(send(peer, 'x')).toBe(1)
      addon.close(peer)
    }
    await sleep(50)
    expect(seen).toEqual([])
  })

  test('an error stops it and is reported with everything; the same set starts it again', async () => {
    const closed = socket(AF_INET, SOCK_DGRAM)
    addon.bind(closed, loopback(0))
    const name = nameOf(addon, closed)
    addon.close(closed)
    const udp = socket(AF_INET, SOCK_DGRAM)
    addon.connect(udp, name)
    const seen: number[] = []
    const w = watch(udp, (events) => seen.push(events))
    for (let round = 1; round <= 3; round++) {
      expect(w.set(READABLE)).toBe(0)
      addon.sendmsg(udp, Buffer.from('x'), nothing, nothing)
      await until(() => seen.length >= round)
      await sleep(10)
      expect(seen).toEqual(new Array(round).fill(FAILURE))
      expect(receive(udp)).toBe(failure('ECONNREFUSED'))
    }
  })

  test('a reset is an error condition', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    send(a, 'unread')
    const seen: number[] = []
    watch(a, (events) => seen.push(events)).set(READABLE)
    addon.close(b)
    await until(() => seen.length > 0)
    expect(seen).toEqual([FAILURE])
    expect(receive(a)).toBe(failure('ECONNRESET'))
  })

  test('it can be closed from its own callback, and closes the descriptor', async () => {
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    let calls = 0
    const w: Watched = watch(a, () => {
      calls++
      w.close()
      w.close()
      expect(w.set(READABLE)).toBe(failure('EBADF'))
    })
    w.set(WRITABLE)
    await until(() => calls > 0)
    await sleep(10)
    expect(calls).toBe(1)
    expect(isOpen(a)).toBe(false)
  })

  test('one watch can close another that was ready in the same turn', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    let calls = 0
    const watches = [a, b].map((fd) =>
      watch(fd, () => {
        calls++
        for (const w of watches) w.close()
      }),
    )
    for (const w of watches) w.set(WRITABLE)
    await until(() => calls > 0)
    await sleep(10)
    expect(calls).toBe(1)
  })

  test('a number that is reused at once belongs to the new socket alone', async () => {
    const seen: string[] = []
    for (let round = 0; round < 50; round++) {
      const fds = new Int32Array(2)
      addon.socketpair(AF_UNIX, SOCK_STREAM, 0, fds)
      const [a = -1, b = -1] = fds
      const first = watch(a, () => seen.push('closed'))
      first.set(WRITABLE)
      first.close()
      const again = addon.socket(AF_UNIX, SOCK_DGRAM, 0)
      expect(again).toBe(a)
      const second = watch(again, () => {
        seen.push('open')
        second.close()
      })
      second.set(WRITABLE)
      await until(() => seen.length > round)
      addon.close(b)
    }
    expect(new Set(seen)).toEqual(new Set(['open']))
  })

  test('what is not watched cannot be waited for', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const w = watch(a, nothingMore)
    w.set(READABLE)
    expect(addon.close(a, w)).toBe(0)
    for (const fd of [a, b, -1, 0, 1 << 20]) {
      const answers = [addon.wait(fd, READABLE, w), addon.wait(fd, 0, w), addon.ref(fd, w), addon.unref(fd, w)]
      expect(answers).toEqual(new Array(4).fill(failure('EBADF')))
    }
    expect(addon.watch(a, {}, {}, nothingMore)).toBe(failure('EBADF'))
  })

  test('what is watched is its target’s: without it nobody waits, refs or closes, whatever the number', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const target = {}
    const others: object[] = [{}, [], Object.create(target), new Proxy(target, {})]
    expect(addon.watch(a, target, {}, nothingMore)).toBe(0)
    expect(addon.watch(b, {}, {}, nothingMore)).toBe(0)
    for (const owner of others) {
      const answers = [
        addon.wait(a, READABLE, owner),
        addon.ref(a, owner),
        addon.unref(a, owner),
        addon.close(b, target),
      ]
      expect(answers).toEqual(new Array(4).fill(failure('EBADF')))
    }
    for (const owner of [...others, undefined, null, 0, nothingMore] as object[]) {
      expect(addon.close(a, owner)).toBe(failure('EBADF'))
    }
    expect([isOpen(a), isOpen(b)]).toEqual([true, true])
    expect(addon.close(a, target)).toBe(0)
    // The number belongs to another one now, which has no target.
    expect(withNumber(a, () => addon.socket(AF_UNIX, SOCK_STREAM, 0))).toBe(a)
    expect(addon.close(a, target)).toBe(failure('EBADF'))
    expect(addon.close(a)).toBe(0)
  })

  test('what is watched is owned: nobody else can have it, or watch it', () => {
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    const w = watch(a, nothingMore)
    expect(addon.watch(a, {}, {}, nothingMore)).toBe(failure('EEXIST'))
    expect(addon.adopt(a)).toBe(failure('EEXIST'))
    expect(addon.release(a)).toBe(failure('EBADF'))
    expect(w.set(READABLE)).toBe(0)
  })

  test('one target can stand for several descriptors', async () => {
    const fds = pair(AF_UNIX, SOCK_STREAM)
    const seen: number[] = []
    const target = { seen }
    const onReady = function (this: typeof target, events: number): void {
      this.seen.push(events)
      for (const fd of fds) addon.wait(fd, 0, this)
    }
    for (const fd of fds) expect(addon.watch(fd, target, {}, onReady)).toBe(0)
    addon.wait(fds[1], WRITABLE, target)
    await until(() => seen.length > 0)
    addon.close(fds[1], target)
    addon.wait(fds[0], READABLE, target)
    await until(() => seen.length > 1)
    expect(seen).toEqual([WRITABLE, READABLE])
  })

  test('of a watched descriptor, too, only three bits are taken', () => {
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    const target = {}
    expect(addon.watch(a, target, {}, nothingMore)).toBe(0)
    for (const events of [8, 16, -1, 0.5, Number.NaN, '1']) {
      expect(addon.wait(a, events as number, target)).toBe(failure('EINVAL'))
    }
    expect(addon.wait(a, READABLE | WRITABLE | DISCONNECTED, target)).toBe(0)
  })

  test('what cannot be watched stays with the caller: files, and what is not ours', () => {
    const file = openSync(import.meta.filename, 'r')
    expect(addon.watch(file, {}, {}, nothingMore)).toBe(failure('EBADF'))
    expect(addon.adopt(file)).toBe(0)
    expect(addon.watch(file, {}, {}, nothingMore)).toBe(failure('EPERM'))
    expect(isOpen(file)).toBe(true)
    expect(addon.close(file)).toBe(0)
  })

  test('what libuv watches already is refused', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const client = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
    await once(client, 'connect')
    client.resume()
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle
    expect(addon.adopt(fd)).toBe(0)
    await sleep(10)
    expect(addon.watch(fd, {}, {}, nothingMore)).toBe(failure('EEXIST'))
    expect(isOpen(fd)).toBe(true)
    expect(addon.close(fd)).toBe(0)
    // The number was the client's: keep it from closing somebody else's.
    const placeholder = withNumber(fd, () => openSync('/dev/null', 'r'))
    expect(placeholder).toBe(fd)
    client.destroy()
    server.close()
    await once(server, 'close')
    if (isOpen(placeholder)) closeSync(placeholder)
  })

  test('a closed descriptor is out of the epoll set even while another process has it open', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const holder = spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', a] })
    await once(holder, 'spawn')
    const first = watch(a, () => {})
    first.set(READABLE)
    await sleep(5)
    first.close()
    // What the set still had under this number would now wake the new socket's watch.
    expect(withNumber(a, () => socket(AF_UNIX, SOCK_DGRAM))).toBe(a)
    let calls = 0
    watch(a, () => calls++).set(READABLE)
    await sleep(5)
    expect(send(b, 'x')).toBe(1)
    await sleep(20)
    expect(calls).toBe(0)
    holder.kill()
    await once(holder, 'close')
  })

  test('callbacks run in the async context in which the watch was made', async () => {
    const storage = new AsyncLocalStorage<string>()
    const [a] = pair(AF_UNIX, SOCK_STREAM)
    const seen: unknown[] = []
    const w = storage.run('made', () =>
      watch(a, () => {
        seen.push(storage.getStore())
        queueMicrotask(() => seen.push(storage.getStore()))
        w.close()
      }),
    )
    storage.run('set', () => w.set(WRITABLE))
    await until(() => seen.length === 2)
    expect(seen).toEqual(['made', 'made'])
  })

  test('ticks and microtasks run after each callback', async () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const order: string[] = []
    const watches = [a, b].map((fd) =>
      watch(fd, () => {
        order.push('callback')
        process.nextTick(() => order.push('tick'))
        queueMicrotask(() => order.push('microtask'))
      }),
    )
    for (const w of watches) w.set(WRITABLE)
    await until(() => order.length >= 6)
    expect(order.slice(0, 6)).toEqual(['callback', 'tick', 'microtask', 'callback', 'tick', 'microtask'])
  })

  given(strace, noSanitizers)('the same set again makes no system call', async () => {
    const trace = path('trace')
    const command = ['strace', '-f', '-o', trace, '-e', 'trace=epoll_ctl', process.execPath]
    const { code, stdout, stderr } = await run('set.mjs', [], [], command)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const added = new RegExp(`EPOLL_CTL_ADD, ${stdout.trim()},`, 'g')
    // Once for the first set; libuv 1.46 also tries it in uv_poll_init.
    expect(readFileSync(trace, 'utf8').match(added)?.length).toBeLessThanOrEqual(2)
  })

  test('an exception in a callback is an uncaught exception, and the watch goes on', async () => {
    expect(await run('uncaught.mjs')).toEqual({
      code: 0,
      signal: null,
      stdout: 'caught 1\ncaught 2\ncaught 3\ntick\n',
      stderr: '',
    })
  })

  test('an exception that nobody handles ends the process as any other does', async () => {
    const { code, stderr } = await run('uncaught.mjs', ['unhandled'])
    expect(code).toBe(1)
    expect(stderr).toContain('Error: 1')
  })

  test('a watch that waits keeps the process alive; unref and 0 let it end', async () => {
    const cases = { ref: 7, unref: 0, idle: 0, 'unref set ref': 7, 'unref set': 0 }
    const ends = Object.keys(cases).map(async (acts) => [acts, (await run('alive.mjs', acts.split(' '))).code])
    expect(Object.fromEntries(await Promise.all(ends))).toEqual(cases)
  })
})
