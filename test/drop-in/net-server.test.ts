import { EventEmitter, once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import type { AddressInfo, Server, Socket } from 'node:net'
import { describe } from 'vitest'
import { temporaryDirectory } from '../support/temporary.ts'
import { closed, type Log, type Net, sameAsNode } from './side-by-side.ts'

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const connectTo = (net: Net, server: Server): Socket =>
  net.connect(portOf(server), '127.0.0.1').on('error', () => undefined)

function note(log: Log, server: Server): void {
  const address = server.address()
  const text = address === null || typeof address === 'string' ? address : `${address.address} ${address.family}`
  log.note('server', `${server.listening} ${text}`)
}

describe('listening', () => {
  sameAsNode('is so at once, and told of in the next tick', async (net, log) => {
    const server = log.watch('server', net.createServer())
    note(log, server)
    server.listen(0, '127.0.0.1', () => log.note('server', 'called back'))
    process.nextTick(() => log.note('server', 'tick'))
    note(log, server)
    await once(server, 'listening')
    note(log, server)
    server.close(() => log.note('server', 'close called back'))
    note(log, server)
    await closed(server)
  })

  const forms: [string, unknown[]][] = [
    ['nothing', []],
    ['null', [null]],
    ['a port', [0]],
    ['a port in digits', ['0']],
    ['a port and backlog', [0, 5]],
    ['a port, host and backlog', [0, '127.0.0.1', 5]],
    ['options', [{ port: 0, host: '127.0.0.1', backlog: 5, exclusive: true }]],
    ['options with an undefined port', [{ port: undefined }]],
    ['IPv6 alone', [{ port: 0, host: '::', ipv6Only: true }]],
    ['IPv6', [{ port: 0, host: '::1' }]],
  ]
  for (const [name, args] of forms) {
    sameAsNode(`by ${name}`, async (net, log) => {
      const server = log.watch('server', net.createServer())
      server.listen(...(args as [number]))
      await once(server, 'listening')
      note(log, server)
      server.close()
      await closed(server)
    })
  }

  sameAsNode('with arguments that cannot be', async (net, log) => {
    const wrong = [
      -1,
      65_536,
      1.5,
      Number.NaN,
      true,
      'x/',
      { port: 'x' },
      { port: -1 },
      {},
      { path: 1 },
      { fd: -1 },
      { port: 0, signal: 1 },
    ]
    for (const args of wrong) {
      const server = net.createServer().on('error', () => undefined)
      try {
        server.listen(args as number)
        log.note('calls', `${JSON.stringify(args)}: nothing thrown`)
        server.close()
      } catch (error) {
        const { name, code, message } = error as NodeJS.ErrnoException
        log.note('calls', `${JSON.stringify(args)}: ${name} ${code} ${message}`)
      }
    }
    for (const options of [
      1,
      'x',
      true,
      { highWaterMark: 'x' },
      { keepAliveInitialDelay: 'x' },
      { highWaterMark: -1 },
    ]) {
      try {
        log.note('calls', `${net.createServer(options as object).listening}`)
      } catch (error) {
        log.note('calls', `${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`)
      }
    }
  })

  sameAsNode('at an address in use: a port, a path', async (net, log) => {
    await using directory = await temporaryDirectory()
    const holders = [net.createServer().listen(0, '127.0.0.1'), net.createServer().listen(directory.file('s'))]
    await Promise.all(holders.map((holder) => once(holder, 'listening')))
    for (const holder of holders) {
      const address = holder.address() as AddressInfo | string
      const name = typeof address === 'string' ? 'path' : 'port'
      const server = log.watchFailing(name, net.createServer())
      server.listen(typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' })
      log.note(name, `${server.listening}`)
      await new Promise((resolve) => server.once('error', resolve))
      log.note(name, `${server.listening} ${server.address() === address}`)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      server.close()
      holder.close()
    }
  })

  sameAsNode('where it cannot be: a path in nowhere, a file, a host that is not ours, no name', async (net, log) => {
    await using directory = await temporaryDirectory()
    writeFileSync(directory.file('file'), '')
    const places = {
      nowhere: { path: directory.file('none/s') },
      file: { path: directory.file('file') },
      foreign: { port: 0, host: '192.0.2.1' },
      unknown: { port: 0, host: 'polysocket.invalid' },
    }
    for (const [name, place] of Object.entries(places)) {
      const server = log.watchFailing(name, net.createServer())
      server.listen(place)
      await new Promise((resolve) => server.once('error', resolve))
    }
  })

  sameAsNode('twice', async (net, log) => {
    const server = log.watchFailing('server', net.createServer()).listen(0)
    try {
      server.listen(0)
    } catch (error) {
      log.note('server', `${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`)
    }
    server.close()
    await closed(server)
    server.listen(0)
    await once(server, 'listening')
    server.close()
    await closed(server)
  })

  sameAsNode('at a path, whose permissions are added to, and which goes with the server', async (net, log) => {
    await using directory = await temporaryDirectory()
    const path = directory.file('s')
    const server = log.watch('server', net.createServer())
    server.listen({ path, readableAll: true, writableAll: true })
    await once(server, 'listening')
    log.note('server', `${server.address() === path} ${(statSync(path).mode & 0o777).toString(8)}`)
    server.close()
    await closed(server)
    log.note('server', `${statSync(path, { throwIfNoEntry: false })}`)
  })
})

describe('closing', () => {
  sameAsNode('waits for the connections that are open', async (net, log) => {
    const server = log.watch('server', net.createServer())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepting = once(server, 'connection')
    const client = connectTo(net, server)
    const [accepted] = (await accepting) as [Socket]
    accepted.resume()
    server.close((error) => log.note('server', `called back ${error}`))
    server.close((error) => log.note('server', `called back again ${error?.message}`))
    const count = await new Promise((resolve) => server.getConnections((_error, found) => resolve(found)))
    log.note('server', `${count} ${server.listening}`)
    client.end()
    await closed(server)
  })

  sameAsNode('what does not listen', async (net, log) => {
    const server = log.watch('server', net.createServer())
    server.close((error) => log.note('server', `${(error as NodeJS.ErrnoException).code} ${error?.message}`))
    await closed(server)
    await server[Symbol.asyncDispose]()
    server.listen(0)
    await server[Symbol.asyncDispose]()
    note(log, server)
  })

  sameAsNode('at once, and while a name is looked up', async (net, log) => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const server = log.watch(host, net.createServer())
      server.listen(0, host)
      server.close()
      await closed(server)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })

  sameAsNode('by a signal: before and after', async (net, log) => {
    for (const moment of ['before', 'after']) {
      const stop = new AbortController()
      const server = log.watch(moment, net.createServer())
      if (moment === 'before') stop.abort()
      server.listen({ port: 0, signal: stop.signal })
      if (moment === 'after') server.once('listening', () => stop.abort())
      await closed(server)
      note(log, server)
    }
  })
})

describe('connections', () => {
  sameAsNode('more than maxConnections are dropped', async (net, log) => {
    const server = log.watch('server', net.createServer())
    server.maxConnections = 1
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.on('drop', (data) =>
      log.note(
        'server',
        Object.keys(data ?? {})
          .sort()
          .join(' '),
      ),
    )
    const first = connectTo(net, server)
    await once(server, 'connection')
    const second = connectTo(net, server)
    await closed(second.resume())
    first.destroy()
    server.close()
    await closed(server)
  })

  sameAsNode('know their server, and are counted', async (net, log) => {
    const server = net.createServer({ highWaterMark: 1234, noDelay: true, keepAlive: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepting = once(server, 'connection')
    const client = connectTo(net, server)
    const [socket] = (await accepting) as [Socket & { server: Server }]
    log.note('socket', `${socket.server === server} ${socket.readableHighWaterMark} ${socket.readyState}`)
    log.note('socket', `${socket.remoteAddress} ${socket.localPort === portOf(server)} ${socket.pending}`)
    client.destroy()
    socket.resume()
    server.close()
    await closed(server)
  })

  sameAsNode('end with the error of a listener that rejects', async (net, log) => {
    EventEmitter.captureRejections = true
    const server = net.createServer(async () => {
      throw new Error('mine')
    })
    EventEmitter.captureRejections = false
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = log.watchFailing('client', connectTo(net, server))
    server.on('error', (error) => log.note('server', error.message))
    server.on('connection', (socket) => log.watchFailing('socket', socket))
    await closed(client.resume())
    server.close()
    await closed(server)
  })
})
