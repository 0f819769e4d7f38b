import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { expect } from 'vitest'
import net, { type Socket } from '../../src/net.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors, settledMemory } from '../support/resources.ts'
import { closed } from './side-by-side.ts'

const onKernel = given(scheme('tcp'))

async function silentServer(): Promise<Server> {
  const server = net.createServer((socket) => void socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

onKernel('no descriptor is left by sockets that are given up, whenever that is', async () => {
  const server = await silentServer()
  const { port } = server.address() as AddressInfo
  const before = openDescriptors()
  const moments: ((socket: Socket) => unknown)[] = [
    (socket) => socket.destroy(),
    (socket) => queueMicrotask(() => socket.destroy()),
    (socket) => process.nextTick(() => socket.destroy()),
    (socket) => setImmediate(() => socket.destroy()),
    (socket) => socket.once('connect', () => socket.destroy()),
    (socket) => socket.once('connect', () => socket.resetAndDestroy()),
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.end('x'),
    (socket) => socket.destroySoon(),
    (socket) => socket.once('connect', () => socket.destroy(new Error('mine'))),
  ]
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      moments.map((giveUp) => {
        const socket = net.connect(port, '127.0.0.1').on('error', () => undefined)
        const over = closed(socket.resume())
        giveUp(socket)
        return over
      }),
    )
  }
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  server.close()
  await closed(server)
})

onKernel('a server that is closed while connections come leaves no descriptor', async () => {
  const before = openDescriptors()
  for (let round = 0; round < 20; round++) {
    const server = await silentServer()
    const { port } = server.address() as AddressInfo
    const sockets = Array.from({ length: 10 }, () => net.connect(port, '127.0.0.1').on('error', () => undefined))
    const over = sockets.map((socket) => closed(socket))
    server.once('connection', () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    await Promise.all([...over, closed(server)])
  }
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
})

onKernel('a paused socket that nobody has any more stays open', async () => {
  const server = net.createServer({ pauseOnConnect: true }, () => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  let isOver = false
  client.on('close', () => {
    isOver = true
  })
  await once(client, 'connect')
  await settledMemory()
  expect(client.write('x')).toBe(true)
  expect(isOver).toBe(false)
  expect(await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))).toBe(1)
  client.resetAndDestroy()
  server.close()
})

onKernel('connect of a connected or connecting socket says so', async () => {
  const server = await silentServer()
  const { port } = server.address() as AddressInfo
  for (const [code, moment] of [
    ['EISCONN', 'connect'],
    ['EALREADY', 'connectionAttempt'],
  ] as const) {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, moment)
    socket.connect(port, '127.0.0.1')
    const [error] = await once(socket, 'error')
    expect(error).toMatchObject({ code, syscall: 'connect', message: `connect ${code} 127.0.0.1:${port}` })
  }
  server.close()
})
