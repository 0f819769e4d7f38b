import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { NAME_SIZE } from '../../src/engine/addon.ts'
import {
  AF_INET,
  AF_UNIX,
  at,
  describeNative,
  failure,
  isOpen,
  loopback,
  nameOf,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  unixName,
} from './support.ts'

const SO_TYPE = 3
const SO_REUSEADDR = 2
const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000

function flagsOf(fd: number): number {
  const [, flags] = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
  return Number.parseInt(flags ?? '0', 8)
}

const closedOnExecAndNonBlocking = O_NONBLOCK | O_CLOEXEC

describeNative('socket calls', ({ addon, own, socket, pair, path }) => {
  test('socket opens, close-on-exec and non-blocking, and close closes', () => {
    const fd = addon.socket(AF_INET, SOCK_STREAM, 0)
    expect(flagsOf(fd) & closedOnExecAndNonBlocking).toBe(closedOnExecAndNonBlocking)
    expect(addon.close(fd)).toBe(0)
    expect(isOpen(fd)).toBe(false)
    expect(addon.close(fd)).toBe(failure('EBADF'))
  })

  test('socket says why not', () => {
    expect(addon.socket(12345, SOCK_STREAM, 0)).toBe(failure('EAFNOSUPPORT'))
    expect(addon.socket(AF_INET, SOCK_STREAM, 9999)).toBe(failure('EINVAL'))
    expect(addon.socket(AF_UNIX, SOCK_STREAM, 7)).toBe(failure('EPROTONOSUPPORT'))
  })

  test('socketpair opens two, close-on-exec and non-blocking', () => {
    for (const fd of pair(AF_UNIX, SOCK_DGRAM)) {
      expect(flagsOf(fd) & closedOnExecAndNonBlocking).toBe(closedOnExecAndNonBlocking)
    }
    expect(addon.socketpair(AF_INET, SOCK_STREAM, 0, new Int32Array(2))).toBe(failure('EOPNOTSUPP'))
  })

  test('bind, listen, connect, accept and both names, over a path', () => {
    const listenerName = unixName(path('listener'))
    const clientName = unixName(path('client'))
    const listener = socket(AF_UNIX, SOCK_STREAM)
    expect(addon.bind(listener, listenerName)).toBe(0)
    expect(addon.listen(listener, 5)).toBe(0)
    const client = socket(AF_UNIX, SOCK_STREAM)
    expect(addon.bind(client, clientName)).toBe(0)
    expect(addon.connect(client, listenerName)).toBe(0)

    const name = new Uint8Array(NAME_SIZE)
    const length = new Int32Array(1)
    const accepted = own(addon.accept(listener, name, length))
    expect(flagsOf(accepted) & closedOnExecAndNonBlocking).toBe(closedOnExecAndNonBlocking)
    expect(Buffer.from(name.subarray(0, at(length, 0)))).toEqual(Buffer.from(clientName))
    expect(nameOf(addon, accepted)).toEqual(Buffer.from(listenerName))
    expect(addon.getpeername(accepted, name)).toBe(clientName.length)
    expect(Buffer.from(name.subarray(0, clientName.length))).toEqual(Buffer.from(clientName))
    expect(addon.accept(listener, name, length)).toBe(failure('EAGAIN'))
  })

  test('connect over TCP is under way first, and SO_ERROR tells how it ended', async () => {
    const SO_ERROR = 4
    const server = createServer((peer) => peer.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const name = loopback(typeof address === 'object' && address !== null ? address.port : 0)
    const good = socket(AF_INET, SOCK_STREAM)
    expect(addon.connect(good, name)).toBe(failure('EINPROGRESS'))
    await new Promise((resolve) => server.once('connection', resolve))
    await new Promise((resolve) => server.close(resolve))

    const bad = socket(AF_INET, SOCK_STREAM)
    addon.connect(bad, name)
    const error = new Int32Array(1)
    const bytes = new Uint8Array(error.buffer)
    expect(addon.getsockopt(good, SOL_SOCKET, SO_ERROR, bytes)).toBe(4)
    expect(at(error, 0)).toBe(0)
    expect(addon.getsockopt(bad, SOL_SOCKET, SO_ERROR, bytes)).toBe(4)
    expect(-at(error, 0)).toBe(failure('ECONNREFUSED'))
  })

  test('addresses that cannot be had', () => {
    const taken = unixName(path('taken'))
    expect(addon.bind(socket(AF_UNIX, SOCK_STREAM), taken)).toBe(0)
    expect(addon.bind(socket(AF_UNIX, SOCK_STREAM), taken)).toBe(failure('EADDRINUSE'))
    expect(addon.connect(socket(AF_UNIX, SOCK_STREAM), taken)).toBe(failure('ECONNREFUSED'))
    expect(addon.connect(socket(AF_UNIX, SOCK_STREAM), unixName(path('nobody')))).toBe(failure('ENOENT'))
    expect(addon.bind(socket(AF_UNIX, SOCK_STREAM), new Uint8Array(0))).toBe(failure('EINVAL'))
  })

  test('a path of 108 bytes has no room for its NUL: the kernel reports 111 bytes of name', () => {
    const directory = path('')
    const full = directory + 'x'.repeat(108 - directory.length)
    const name = unixName(full).subarray(0, 2 + 108)
    const fd = socket(AF_UNIX, SOCK_STREAM)
    expect(addon.bind(fd, name)).toBe(0)
    const reported = nameOf(addon, fd)
    expect(reported.length).toBe(111)
    expect(reported.subarray(2).toString('latin1')).toBe(`${full}\0`)
    expect(addon.getsockname(fd, new Uint8Array(10))).toBe(111)
    expect(addon.getsockname(fd, new Uint8Array(0))).toBe(111)
  })

  test('abstract names are exact', () => {
    const name = Buffer.from([AF_UNIX, 0, 0, ...Buffer.from(`polysocket-${process.pid}`), 0, 255])
    const fd = socket(AF_UNIX, SOCK_DGRAM)
    expect(addon.bind(fd, name)).toBe(0)
    expect(nameOf(addon, fd)).toEqual(name)
  })

  test('getsockopt and setsockopt', () => {
    const fd = socket(AF_INET, SOCK_STREAM)
    const value = Buffer.alloc(8, 0xff)
    expect(addon.getsockopt(fd, SOL_SOCKET, SO_TYPE, value)).toBe(4)
    expect(value.readInt32LE()).toBe(SOCK_STREAM)
    expect(value.readInt32LE(4)).toBe(-1)
    expect(addon.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Buffer.from([1, 0, 0, 0]))).toBe(0)
    expect(addon.getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value)).toBe(4)
    expect(value.readInt32LE()).toBe(1)
    expect(addon.getsockopt(fd, SOL_SOCKET, 9999, value)).toBe(failure('ENOPROTOOPT'))
    expect(addon.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, new Uint8Array(1))).toBe(failure('EINVAL'))
    expect(addon.getsockopt(0x7fffffff, SOL_SOCKET, SO_TYPE, value)).toBe(failure('EBADF'))
  })

  test('shutdown', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    expect(addon.shutdown(a, SHUT_WR)).toBe(0)
    expect(addon.recv(b, new Uint8Array(1), 0, 1)).toBe(0)
    expect(addon.shutdown(socket(AF_INET, SOCK_STREAM), SHUT_WR)).toBe(failure('ENOTCONN'))
    expect(addon.shutdown(a, 99)).toBe(failure('EINVAL'))
  })

  test('adopt takes a descriptor once, and makes it close-on-exec and non-blocking', () => {
    const fd = openSync('/dev/null', 'r')
    expect(addon.close(fd)).toBe(failure('EBADF'))
    expect(addon.adopt(fd)).toBe(0)
    expect(flagsOf(fd) & closedOnExecAndNonBlocking).toBe(closedOnExecAndNonBlocking)
    expect(addon.adopt(fd)).toBe(failure('EEXIST'))
    expect(addon.close(fd)).toBe(0)
    expect(isOpen(fd)).toBe(false)
    expect(addon.adopt(fd)).toBe(failure('EBADF'))
  })

  test('release leaves a descriptor open, and to somebody else', () => {
    const fd = openSync('/dev/null', 'r')
    expect(addon.release(fd)).toBe(failure('EBADF'))
    expect(addon.adopt(fd)).toBe(0)
    expect(addon.release(fd)).toBe(0)
    expect(addon.close(fd)).toBe(failure('EBADF'))
    expect(isOpen(fd)).toBe(true)
    closeSync(fd)
  })

  test('close leaves alone what is not ours', () => {
    const fd = openSync('/dev/null', 'r')
    expect(addon.close(fd)).toBe(failure('EBADF'))
    expect(addon.close(0x7fffffff)).toBe(failure('EBADF'))
    expect(addon.close(-1)).toBe(failure('EBADF'))
    expect(isOpen(fd)).toBe(true)
    closeSync(fd)
  })

  test('calls on what is no socket', () => {
    const fd = openSync('/dev/null', 'r')
    const name = new Uint8Array(NAME_SIZE)
    expect(addon.getsockname(fd, name)).toBe(failure('ENOTSOCK'))
    expect(addon.recv(fd, name, 0, 1)).toBe(failure('ENOTSOCK'))
    expect(addon.listen(fd, 1)).toBe(failure('ENOTSOCK'))
    expect(addon.accept(fd, name, new Int32Array(1))).toBe(failure('ENOTSOCK'))
    closeSync(fd)
  })
})
