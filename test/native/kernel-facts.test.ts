import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NAME_SIZE, RECEIVE_META } from '../../src/engine/addon.ts'
import { given, python } from '../support/need.ts'
import {
  AF_UNIX,
  at,
  describeNative,
  failure,
  MSG_CTRUNC,
  nameOf,
  nothing,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOL_SOCKET,
  unixName,
} from './support.ts'

const SO_PASSCRED = 16
const SO_TIMESTAMP = 29
const SCM_RIGHTS = 1
const on = new Uint8Array(new Int32Array([1]).buffer)
const COUNT = 8
const MSG_CMSG_CLOEXEC = 0x40000000

describeNative('what the kernel says of messages', ({ addon, own, pair, socket, path }) => {
  /** The meta words of what one receive of COUNT messages gets, and the ancillary data. */
  function receive(fd: number, controlSize: number): { length: number; flags: number; control: Buffer }[] {
    const meta = new Int32Array(RECEIVE_META * COUNT)
    const names = new Uint8Array(NAME_SIZE * COUNT)
    const controls = Buffer.alloc(controlSize * COUNT)
    const received = addon.recvmmsg(
      fd,
      Buffer.alloc(100 * COUNT),
      0,
      100,
      COUNT,
      meta,
      names,
      controls,
      controlSize,
      MSG_CMSG_CLOEXEC,
    )
    return Array.from({ length: received }, (_, i) => ({
      length: at(meta, RECEIVE_META * i),
      flags: at(meta, RECEIVE_META * i + 1),
      control: controls.subarray(i * controlSize, i * controlSize + at(meta, RECEIVE_META * i + 3)),
    }))
  }

  function sendThenEnd(fd: number, how: 'shutdown' | 'close'): void {
    for (const text of ['', 'x', '']) addon.sendmsg(fd, Buffer.from(text), nothing, nothing)
    if (how === 'close') addon.close(fd)
    else addon.shutdown(fd, SHUT_WR)
  }

  for (const how of ['shutdown', 'close'] as const) {
    test(`after ${how} the end is an empty message, in every place of the batch that is left`, () => {
      const [a, b] = pair(AF_UNIX, SOCK_SEQPACKET)
      sendThenEnd(a, how)
      const messages = receive(b, 0)
      expect(messages.map(({ length }) => length)).toEqual([0, 1, 0, 0, 0, 0, 0, 0])
      expect(messages.every(({ flags }) => flags === 0)).toBe(true)
      expect(receive(b, 0).length).toBe(COUNT)
    })

    test(`with SO_TIMESTAMP a message carries a timestamp, and the end after ${how} carries none`, () => {
      const [a, b] = pair(AF_UNIX, SOCK_SEQPACKET)
      addon.setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, on)
      sendThenEnd(a, how)
      const messages = receive(b, 32)
      expect(messages.map(({ control }) => control.length)).toEqual([32, 32, 32, 0, 0, 0, 0, 0])
      expect(messages.every(({ flags }) => flags === 0)).toBe(true)
      const seconds = Number(messages[0]?.control.readBigInt64LE(16))
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(10)
    })
  }

  test('without room for it, the timestamp shows as MSG_CTRUNC', () => {
    const [a, b] = pair(AF_UNIX, SOCK_SEQPACKET)
    addon.setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, on)
    sendThenEnd(a, 'shutdown')
    expect(receive(b, 0).map(({ flags }) => flags)).toEqual([MSG_CTRUNC, MSG_CTRUNC, MSG_CTRUNC, 0, 0, 0, 0, 0])
  })

  test('SO_PASSCRED would tell as well, but names a socket that has no name when it sends', () => {
    const [a, b] = pair(AF_UNIX, SOCK_SEQPACKET)
    addon.setsockopt(b, SOL_SOCKET, SO_PASSCRED, on)
    expect(nameOf(addon, b).length).toBe(2)
    addon.sendmsg(b, on, nothing, nothing)
    expect(nameOf(addon, b).length).toBe(2 + 6)
    expect(receive(a, 0)).toMatchObject([{ length: 4 }])
  })

  test('a queue that is empty is EAGAIN while the peer is there', () => {
    const [, b] = pair(AF_UNIX, SOCK_SEQPACKET)
    expect(addon.recv(b, on, 0, 1)).toBe(failure('EAGAIN'))
  })

  given(python)('descriptors that come with a message are close-on-exec', () => {
    const receiver = socket(AF_UNIX, SOCK_DGRAM)
    const file = path('receiver')
    addon.bind(receiver, unixName(file))
    const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
for _ in range(2): socket.send_fds(s, [b'x'], [0])`
    const { status, stderr } = spawnSync('python3', ['-c', script, file], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [first, second] = receive(receiver, 32)
    for (const message of [first, second]) {
      expect(message?.flags).toBe(0)
      expect([message?.control.readInt32LE(8), message?.control.readInt32LE(12)]).toEqual([SOL_SOCKET, SCM_RIGHTS])
      const fd = message?.control.readInt32LE(16) ?? -1
      expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/^flags:\s*0?2\d{6}$/m)
      own(fd)
    }
  })
})
