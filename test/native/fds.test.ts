import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MAX_FDS } from '../../src/engine/addon.ts'
import { encodeRights } from '../../src/engine/descriptors.ts'
import { openDescriptors } from '../support/resources.ts'
import {
  AF_INET,
  AF_UNIX,
  at,
  describeNative,
  failure,
  isOpen,
  MSG_CTRUNC,
  nothing,
  run,
  SOCK_STREAM,
  SOL_SOCKET,
} from './support.ts'

const SO_PASSCRED = 16
const on = new Uint8Array(new Int32Array([1]).buffer)
const O_CLOEXEC = 0o2000000

function sameFile(a: number, b: number): boolean {
  const [first, second] = [fstatSync(a), fstatSync(b)]
  return first.ino === second.ino && first.dev === second.dev
}

function flagsOf(fd: number): number {
  const [, flags] = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
  return Number.parseInt(flags ?? '0', 8)
}

describeNative('descriptors over a Unix stream', ({ addon, pair, socket }) => {
  const buffer = Buffer.alloc(100)

  function receive(fd: number, length: number = buffer.length): { text: string; fds: number[]; flags: number } {
    const fds = new Int32Array(MAX_FDS)
    const meta = new Int32Array(2)
    const count = addon.recvfds(fd, buffer, 0, length, fds, meta)
    expect(count).toBeGreaterThanOrEqual(0)
    return { text: buffer.toString('latin1', 0, count), fds: [...fds.subarray(0, at(meta, 0))], flags: at(meta, 1) }
  }

  const send = (fd: number, text: string, ...fds: number[]): number =>
    addon.sendmsg(fd, Buffer.from(text), nothing, encodeRights(fds))

  function close(fds: readonly number[]): void {
    for (const fd of fds) expect(addon.close(fd)).toBe(0)
  }

  test('arrive as the same file, close-on-exec, and ours until they are released', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const file = openSync('/etc/passwd', 'r')
    expect(send(a, 'xy', file)).toBe(2)
    const { text, fds, flags } = receive(b)
    expect({ text, count: fds.length, flags }).toEqual({ text: 'xy', count: 1, flags: 0 })
    expect(sameFile(at(fds, 0), file)).toBe(true)
    expect(flagsOf(at(fds, 0)) & O_CLOEXEC).toBe(O_CLOEXEC)
    expect(addon.adopt(at(fds, 0))).toBe(failure('EEXIST'))
    expect(addon.own(at(fds, 0))).toBe(failure('EEXIST'))
    expect(addon.release(at(fds, 0))).toBe(0)
    expect(addon.close(at(fds, 0))).toBe(failure('EBADF'))
    const flagsBefore = flagsOf(at(fds, 0))
    expect(addon.own(at(fds, 0))).toBe(0)
    expect(flagsOf(at(fds, 0))).toBe(flagsBefore)
    expect(addon.close(at(fds, 0))).toBe(0)
    expect(addon.own(at(fds, 0))).toBe(failure('EBADF'))
    closeSync(file)
  })

  test('go with their bytes, which nothing after them joins', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    expect(addon.sendv(a, [Buffer.from('before ')], 0, 0)).toBe(7)
    expect(send(a, 'mid ', 0, 1)).toBe(4)
    expect(addon.sendv(a, [Buffer.from('after')], 0, 0)).toBe(5)
    const first = receive(b)
    expect(first).toMatchObject({ text: 'before mid ', flags: 0 })
    expect(first.fds).toHaveLength(2)
    expect(receive(b)).toEqual({ text: 'after', fds: [], flags: 0 })
    close(first.fds)
  })

  test('come with the first part of their bytes when those are read in parts', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    send(a, 'abcdef', 0)
    const { text, fds } = receive(b, 2)
    expect(text).toBe('ab')
    expect(fds).toHaveLength(1)
    expect(receive(b)).toEqual({ text: 'cdef', fds: [], flags: 0 })
    close(fds)
  })

  test('as many as a message carries, credentials beside them', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    addon.setsockopt(b, SOL_SOCKET, SO_PASSCRED, on)
    const before = openDescriptors()
    expect(send(a, 'x', ...Array.from({ length: MAX_FDS }, () => 0))).toBe(1)
    const { fds, flags } = receive(b)
    expect({ count: fds.length, flags }).toEqual({ count: MAX_FDS, flags: 0 })
    expect(openDescriptors() - before).toBe(MAX_FDS)
    close(fds)
  })

  test('errors: one that is not open, a peer that is gone, another family; the end of the stream brings none', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    expect(send(a, 'x', 0, 99_999)).toBe(failure('EBADF'))
    expect(send(a, 'x', -1)).toBe(failure('EBADF'))
    expect(addon.recvfds(b, buffer, 0, 1, new Int32Array(MAX_FDS), new Int32Array(2))).toBe(failure('EAGAIN'))
    addon.close(a)
    expect(receive(b)).toEqual({ text: '', fds: [], flags: 0 })
    expect(send(b, 'x', 0)).toBe(failure('EPIPE'))
    // Not connected; a TCP socket ignores SCM_RIGHTS otherwise.
    expect(send(socket(AF_INET, SOCK_STREAM), 'x', 0)).toBe(failure('EPIPE'))
  })

  test('recv lets the kernel close them', () => {
    const [a, b] = pair(AF_UNIX, SOCK_STREAM)
    const before = openDescriptors()
    send(a, 'x', 0)
    expect(addon.recv(b, buffer, 0, 1)).toBe(1)
    expect(openDescriptors()).toBe(before)
  })

  test('duplicate gives one that is ours, and leaves the flags of the file alone', () => {
    const file = openSync('/etc/passwd', 'r')
    const flags = flagsOf(file)
    const copy = addon.duplicate(file)
    expect(sameFile(copy, file)).toBe(true)
    expect(flagsOf(copy)).toBe(flags)
    closeSync(file)
    expect(isOpen(copy)).toBe(true)
    expect(addon.close(copy)).toBe(0)
    expect(addon.duplicate(file)).toBe(failure('EBADF'))
  })
})

describeNative('descriptors where there is no room for them', () => {
  test('MSG_CTRUNC, and those that came are closed', async () => {
    const shell = ['/bin/sh', '-c', 'ulimit -n 40 && exec "$0" "$@"', process.execPath]
    const { code, stdout, stderr } = await run('truncated.mjs', [], [], shell)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ bytes: 1, taken: 0, flags: MSG_CTRUNC, more: 0 })
  })
})
