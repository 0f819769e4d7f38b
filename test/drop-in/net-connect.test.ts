import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { describe } from 'vitest'
import { scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { closed, sameAsNode } from './side-by-side.ts'

/** A port at which nobody listens. */
async function freePort(net: typeof import('node:net')): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await closed(server)
  return port
}

/** A server that answers by ending what it got. */
async function echo(net: typeof import('node:net'), where: object): Promise<Server> {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(where)
  await once(server, 'listening')
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

async function exchange(socket: Socket): Promise<void> {
  socket.end('hello')
  await closed(socket)
}

describe('a connection that cannot be made', () => {
  sameAsNode('is refused: a port', async (net, log) => {
    const socket = log.watchFailing('client', net.connect(await freePort(net), '127.0.0.1'))
    log.note('client', `${socket.connecting} ${socket.pending} ${socket.readyState}`)
    await closed(socket)
    log.note('client', `${socket.connecting} ${socket.pending} ${socket.readyState} ${socket.destroyed}`)
  })

  sameAsNode('is refused: a path that is no socket, or is not there', async (net, log) => {
    await using directory = await temporaryDirectory()
    for (const path of [directory.file('none'), directory.path, '/dev/null']) {
      await closed(log.watchFailing(path.replace(directory.path, ''), net.connect(path)))
    }
  })

  sameAsNode('goes to port 0', async (net, log) => {
    await closed(log.watchFailing('port', net.connect(0, '127.0.0.1')))
  })

  sameAsNode('has a name that nobody knows', async (net, log) => {
    await closed(log.watchFailing('client', net.connect(80, 'polysocket.invalid')))
  })

  sameAsNode('has a lookup that fails, gives no address, or a family that is none', async (net, log) => {
    const outcomes: [string, (callback: (...values: unknown[]) => void) => void][] = [
      ['fails', (callback) => callback(Object.assign(new Error('no'), { code: 'ENO' }))],
      ['gives no address', (callback) => callback(null, 'nonsense', 4)],
      ['gives no family', (callback) => callback(null, '127.0.0.1', 5)],
      ['gives none of several', (callback) => callback(null, [{ address: 'nonsense', family: 4 }])],
    ]
    for (const [name, outcome] of outcomes) {
      const lookup = (_host: string, _options: unknown, callback: () => void) => process.nextTick(outcome, callback)
      const all = name.includes('several')
      const socket = net.connect({ port: 80, host: 'x.invalid', lookup: lookup as never, autoSelectFamily: all })
      await closed(log.watchFailing(name, socket))
    }
  })

  sameAsNode('is bound to an address that is not ours', async (net, log) => {
    const port = await freePort(net)
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: '192.0.2.1', localPort: 4711 })
    socket.on('error', (error) => log.note('client', `${error.message} ${(error as NodeJS.ErrnoException).syscall}`))
    await closed(socket)
  })

  sameAsNode('goes to several addresses, each refused', async (net, log) => {
    const lookup = (_host: string, _options: unknown, callback: (error: null, found: object[]) => void) =>
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ])
    const port = await freePort(net)
    const socket = net.connect({ port, host: 'x.invalid', lookup: lookup as never, autoSelectFamily: true })
    await closed(log.watchFailing('client', socket))
  })

  sameAsNode('is asked for with arguments that cannot be', async (net, log) => {
    const wrong: object[] = [
      {},
      { port: 'x' },
      { port: 65_536 },
      { port: -1 },
      { port: true },
      { port: null },
      { path: 1 },
      { port: 1, localAddress: 'nonsense' },
      { port: 1, localPort: 'x' },
      { port: 1, lookup: 1, host: 'a' },
      { port: 1, autoSelectFamily: 1 },
      { port: 1, autoSelectFamilyAttemptTimeout: 0.5 },
      { port: 1, autoSelectFamilyAttemptTimeout: 0 },
      { port: 1, objectMode: true },
      { port: 1, readableObjectMode: true },
      { port: 1, keepAliveInitialDelay: 'a' },
      { port: 1, signal: {} },
    ]
    for (const options of wrong) {
      try {
        net.connect(options as never).on('error', () => undefined)
        log.note('calls', `${JSON.stringify(options)}: nothing thrown`)
      } catch (error) {
        const { name, code, message } = error as NodeJS.ErrnoException
        log.note('calls', `${JSON.stringify(options)}: ${name} ${code} ${message}`)
      }
    }
  })
})

describe('a connection that is made', () => {
  for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1', 'localhost']) {
    sameAsNode(`to ${host}`, async (net, log) => {
      const where = host === 'localhost' ? '127.0.0.1' : host
      const server = await echo(net, { port: 0, host: where })
      const lookup = (_name: string, options: { all?: boolean }, callback: (...values: unknown[]) => void) =>
        process.nextTick(() =>
          options.all ? callback(null, [{ address: where, family: 4 }]) : callback(null, where, 4),
        )
      const socket = log.watch('client', net.connect({ port: portOf(server), host, lookup: lookup as never }))
      socket.on('connect', () => {
        const { remoteAddress, remoteFamily, localAddress, localFamily, readyState } = socket
        log.note('client', [remoteAddress, remoteFamily, localAddress, localFamily, readyState].join(' '))
        log.note('client', Object.keys(socket.address()).sort().join(' '))
      })
      socket.resume()
      await exchange(socket)
      log.note('client', `${socket.bytesRead} ${socket.bytesWritten} ${socket.remoteAddress} ${socket.localAddress}`)
      server.close()
    })
  }

  sameAsNode('to a path', async (net, log) => {
    await using directory = await temporaryDirectory()
    const server = await echo(net, { path: directory.file('s') })
    const socket = log.watch('client', net.connect(directory.file('s')))
    socket.on('connect', () => log.note('client', `${JSON.stringify(socket.address())} ${socket.remoteAddress}`))
    socket.resume()
    await exchange(socket)
    server.close()
  })

  sameAsNode(
    'to an abstract name',
    async (net, log) => {
      const path = `\0polysocket-net-${process.pid}`
      const server = await echo(net, { path })
      const socket = log.watch('client', net.connect({ path }))
      socket.resume()
      await exchange(socket)
      server.close()
      await closed(server)
    },
    scheme('unix'),
  )

  sameAsNode(
    'is written to before it is there, and ended',
    async (net, log) => {
      const server = await echo(net, { port: 0, host: '127.0.0.1' })
      const socket = log.watch('client', net.connect(portOf(server), '127.0.0.1'))
      log.note('client', `write ${socket.write('one', () => log.note('client', 'written'))} ${socket.bytesWritten}`)
      log.note('client', `write ${socket.write('zwö', 'latin1')} ${socket.bytesWritten} ${socket.bufferSize}`)
      await exchange(socket.resume())
      server.close()
    },
    scheme('tcp'),
  )

  sameAsNode('again after close, by the same socket', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    const socket = log.watch('client', new net.Socket())
    for (let round = 0; round < 3; round++) {
      socket.connect(portOf(server), '127.0.0.1', () => log.note('client', 'callback'))
      log.note('client', `${socket.readyState} ${socket.destroyed} ${socket.bytesRead}`)
      await exchange(socket.resume())
    }
    log.note('client', `listeners ${['connect', 'end', 'close', 'finish'].map((event) => socket.listenerCount(event))}`)
    server.close()
  })

  sameAsNode('again after a refusal', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    const socket = log.watchFailing('client', net.connect(await freePort(net), '127.0.0.1'))
    await closed(socket)
    socket.connect(portOf(server), '127.0.0.1')
    await exchange(socket.resume())
    server.close()
  })

  sameAsNode('from an address and port of ours', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    const localPort = await freePort(net)
    const socket = net.connect({ port: portOf(server), host: '127.0.0.1', localAddress: '127.0.0.2', localPort })
    await once(socket, 'connect')
    log.note('client', `${socket.localAddress} ${socket.localPort === localPort}`)
    await exchange(socket.resume())
    server.close()
  })
})

describe('a connection that is given up', () => {
  sameAsNode('at once, in the next tick, and once it is made', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    const moments: [string, (give: () => void, socket: Socket) => void][] = [
      ['at once', (give) => give()],
      ['next tick', (give) => process.nextTick(give)],
      ['in connect', (give, socket) => socket.once('connect', give)],
      ['in ready', (give, socket) => socket.once('ready', give)],
    ]
    for (const [name, at] of moments) {
      for (const error of [undefined, new Error('mine')]) {
        const socket = log.watchFailing(`${name} ${error}`, net.connect(portOf(server), '127.0.0.1'))
        at(() => void socket.destroy(error), socket)
        await closed(socket)
      }
    }
    server.close()
  })

  sameAsNode('while a name is looked up', async (net, log) => {
    let found: () => void = () => undefined
    const lookup = (_host: string, _options: unknown, callback: (...values: unknown[]) => void) => {
      found = () => callback(null, [{ address: '127.0.0.1', family: 4 }])
    }
    const socket = log.watch('client', net.connect({ port: 1, host: 'x.invalid', lookup: lookup as never }))
    socket.write('lost', (error) => log.note('client', `${(error as NodeJS.ErrnoException).code}`))
    socket.on('error', () => undefined)
    socket.destroy()
    await closed(socket)
    found()
    await new Promise(setImmediate)
  })

  sameAsNode('by its signal: before, while connecting, and open', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    for (const moment of ['before', 'connecting', 'open']) {
      const giveUp = new AbortController()
      if (moment === 'before') giveUp.abort()
      const options = { port: portOf(server), host: '127.0.0.1', signal: giveUp.signal }
      const socket = log.watchFailing(moment, net.connect(options))
      if (moment === 'connecting') giveUp.abort()
      if (moment === 'open') socket.once('connect', () => giveUp.abort())
      await closed(socket)
    }
    server.close()
  })

  sameAsNode('after a while, by timeout', async (net, log) => {
    const server = await echo(net, { port: 0, host: '127.0.0.1' })
    const socket = log.watch('client', net.connect({ port: portOf(server), host: '127.0.0.1', timeout: 30 }))
    log.note('client', `${socket.timeout}`)
    await once(socket, 'timeout')
    socket.destroy()
    await closed(socket)
    server.close()
  })
})
