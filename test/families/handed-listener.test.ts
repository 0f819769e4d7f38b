import { openSync } from 'node:fs'
import { expect } from 'vitest'
import type { AddressFamily, AnyHandle } from '../../src/core/family.ts'
import { loadAddon } from '../../src/engine/addon.ts'
import { HandedListener } from '../../src/families/bluetooth/handed-listener.ts'
import { type BluetoothSocketAddress, bluetoothSockets } from '../../src/families/bluetooth/sockets.ts'
import { unix } from '../../src/families/unix.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_DGRAM = 2

noDescriptorsLeft()

/** Sockets of Unix in the place of RFCOMM's, which not every machine has. */
const sockets = { ...bluetoothSockets, adopt: unix.adopt } as AddressFamily<BluetoothSocketAddress>

/** A socket as it comes from the bus: nobody has it, and this end has to close it. */
function arrived(type: number): number {
  const { addon } = loadAddon()
  if (addon === undefined) throw new Error('there is no addon')
  const fd = addon.socket(AF_UNIX, type, 0)
  addon.release(fd)
  return fd
}

function listening(fd: number): number {
  loadAddon().addon?.bind(fd, Uint8Array.of(AF_UNIX, 0))
  loadAddon().addon?.listen(fd, 1)
  return fd
}

function start(backlog: number): { listener: HandedListener; accepted: AnyHandle[]; dropped: Error[] } {
  const listener = new HandedListener(1, {}, backlog, sockets)
  const accepted: AnyHandle[] = []
  const dropped: Error[] = []
  listener.start({
    onAccept: (handle) => void accepted.push(handle),
    onDrop: (error) => void dropped.push(error),
    onError: (error) => void dropped.push(error),
  })
  return { listener, accepted, dropped }
}

given(scheme('unix'))('what is handed over and is no connection is closed, and accepted by nobody', async () => {
  const { listener, accepted, dropped } = start(5)
  listener.take(openSync('/dev/null', 'r'))
  listener.take(arrived(SOCK_DGRAM))
  listener.take(listening(arrived(SOCK_STREAM)))
  listener.resume()
  await Promise.resolve()
  expect(accepted).toEqual([])
  expect(dropped).toEqual([])
  listener.close()
})

given(scheme('unix'))('a connection that is too many is told and closed, one after the end is closed', async () => {
  const { listener, accepted, dropped } = start(1)
  listener.take(arrived(SOCK_STREAM))
  listener.take(arrived(SOCK_STREAM))
  expect(dropped).toMatchObject([{ code: 'ENOBUFS', syscall: 'accept' }])
  listener.resume()
  await Promise.resolve()
  expect(accepted.map(({ type }) => type)).toEqual(['stream'])
  for (const handle of accepted) handle.close()
  listener.close()
  listener.take(arrived(SOCK_STREAM))
  expect(dropped).toHaveLength(1)
})
