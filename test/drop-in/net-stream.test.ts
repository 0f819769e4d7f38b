import { once } from 'node:events'
import type { AddressInfo, NetConnectOpts, Server, ServerOpts, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe } from 'vitest'
import { scheme } from '../support/need.ts'
import { closed, type Log, type Net, sameAsNode } from './side-by-side.ts'

interface Pair extends AsyncDisposable {
  readonly server: Server
  readonly client: Socket
  readonly accepted: Socket
}

interface Given {
  readonly server?: ServerOpts
  readonly client?: Partial<NetConnectOpts>
  /** Watches the accepted end as well: for what waits until it has closed. */
  readonly both?: boolean
}

/** Both ends of a connection, of which the client's is watched. */
async function pair(net: Net, log: Log, given: Given = {}): Promise<Pair> {
  const server = net.createServer({ ...given.server }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepting = new Promise<Socket>((resolve) =>
    server.once('connection', (socket) => {
      socket.on('error', () => undefined)
      resolve(given.both ? log.watch('accepted', socket) : socket)
    }),
  )
  const { port } = server.address() as AddressInfo
  const client = log.watchFailing('client', net.connect({ ...given.client, port, host: '127.0.0.1' }))
  const connected = once(client, 'connect')
  const accepted = await accepting
  await connected
  return {
    server,
    client,
    accepted,
    [Symbol.asyncDispose]: async () => {
      const ends = [client, accepted].filter((socket) => !socket.closed).map(closed)
      client.destroy()
      accepted.destroy()
      await Promise.all(ends)
      server.close()
    },
  }
}

const state = (socket: Socket): string =>
  [socket.readyState, socket.destroyed, socket.pending, socket.bytesRead, socket.bytesWritten].join(' ')

describe('ends', () => {
  for (const [name, server, client] of [
    ['neither half open', false, false],
    ['the server half open', true, false],
    ['the client half open', false, true],
    ['both half open', true, true],
  ] as const) {
    sameAsNode(`the client first: ${name}`, async (net, log) => {
      await using both = await pair(net, log, {
        server: { allowHalfOpen: server },
        client: { allowHalfOpen: client },
        both: true,
      })
      both.accepted.resume()
      both.client.resume()
      both.client.end('bye', () => log.note('client', 'end called back'))
      log.note('client', state(both.client))
      await once(both.accepted, 'end')
      log.note('accepted', state(both.accepted))
      const ends = [both.client, both.accepted].filter((socket) => !socket.closed).map(closed)
      if (server) both.accepted.end('bye too')
      if (client) both.client.end()
      await Promise.all(ends)
      log.note('client', state(both.client))
    })
  }

  sameAsNode(
    'and what is written after the peer has ended',
    async (net, log) => {
      await using both = await pair(net, log)
      const told = closed(both.client)
      both.client.resume()
      both.accepted.end()
      await once(both.client, 'end')
      await new Promise(setImmediate)
      log.note('client', `${both.client.write('late', (error) => log.note('client', String(error)))}`)
      await told
    },
    scheme('tcp'),
  )

  sameAsNode(
    'and who is told first: the client, its server, or what setImmediate was asked for',
    async (net, log) => {
      await using both = await pair(net, log)
      const told = [both.client, both.accepted, both.server].map(closed)
      both.accepted.resume().on('close', () => log.note('order', 'accepted'))
      both.server.close(() => log.note('order', 'server'))
      both.client.resume().on('close', () => {
        log.note('order', 'client')
        process.nextTick(() => log.note('order', "a tick of the client's"))
      })
      both.client.on('end', () => setImmediate(() => log.note('order', 'immediate')))
      both.accepted.end()
      await Promise.all(told)
    },
    scheme('tcp'),
  )

  sameAsNode('and what is written after end', async (net, log) => {
    await using both = await pair(net, log)
    both.client.end()
    both.client.write('late', (error) => log.note('client', String(error)))
    await closed(both.client)
  })

  sameAsNode('with bytes in flight both ways', async (net, log) => {
    await using both = await pair(net, log, { server: { allowHalfOpen: true } })
    both.accepted.on('data', () => undefined)
    both.accepted.on('end', () => both.accepted.end('x'.repeat(100_000)))
    let received = 0
    both.client.on('data', (chunk) => {
      received += chunk.length
    })
    both.client.end('y'.repeat(300_000))
    await closed(both.client)
    log.lines.client = [`${received} ${both.client.bytesWritten} ${both.accepted.bytesRead}`]
  })
})

describe('destroying', () => {
  sameAsNode('an open socket, with and without an error, twice', async (net, log) => {
    for (const error of [undefined, new Error('mine')]) {
      await using both = await pair(net, log)
      both.accepted.resume()
      both.client.destroy(error)
      log.note('client', state(both.client))
      both.client.destroy()
      process.nextTick(() => log.note('client', 'tick'))
      await closed(both.client)
      if (!both.accepted.closed) await closed(both.accepted)
    }
  })

  sameAsNode('a socket that was never connected', async (net, log) => {
    const socket = log.watch('client', new net.Socket())
    log.note('client', state(socket))
    socket.destroy()
    await closed(socket)
    log.note('client', state(socket))
  })

  sameAsNode(
    'with something written',
    async (net, log) => {
      await using both = await pair(net, log)
      both.accepted.resume()
      both.client.write('first', (error) => log.note('client', `first ${error}`))
      both.client.destroy()
      both.client.write('second', (error) => log.note('client', `second ${error}`))
      await closed(both.client)
    },
    scheme('tcp'),
  )

  sameAsNode('with a reset', async (net, log) => {
    await using both = await pair(net, log, { both: true })
    both.accepted.resume()
    const ends = [both.client, both.accepted].map(closed)
    both.client.resetAndDestroy()
    await Promise.all(ends)
    both.client.resetAndDestroy()
    await new Promise(setImmediate)
  })

  sameAsNode('a socket before it is connected, with a reset', async (net, log) => {
    const socket = log.watchFailing('client', new net.Socket())
    socket.resetAndDestroy()
    await closed(socket)
  })

  sameAsNode('soon', async (net, log) => {
    await using both = await pair(net, log)
    both.accepted.resume()
    both.client.write('x')
    both.client.destroySoon()
    log.note('client', state(both.client))
    await closed(both.client)
  })

  sameAsNode('in the middle of data', async (net, log) => {
    await using both = await pair(net, log)
    both.client.on('data', () => both.client.destroy())
    both.accepted.write('x')
    await closed(both.client)
  })
})

describe('reading', () => {
  sameAsNode('paused and resumed', async (net, log) => {
    await using both = await pair(net, log)
    both.client.on('data', (chunk) => log.note('data', String(chunk)))
    both.client.pause()
    both.accepted.write('one')
    await sleep(20)
    log.note('data', `paused ${both.client.isPaused()} ${both.client.bytesRead}`)
    both.client.resume()
    await once(both.client, 'data')
    both.accepted.end()
    await closed(both.client)
  })

  sameAsNode('by read and readable', async (net, log) => {
    await using both = await pair(net, log)
    both.client.on('readable', () => {
      for (let chunk = both.client.read(2); chunk !== null; chunk = both.client.read(2)) {
        log.note('read', String(chunk))
      }
    })
    both.accepted.end('abcdef')
    await closed(both.client)
  })

  sameAsNode('stops at the high-water mark', async (net, log) => {
    await using both = await pair(net, log, { client: { highWaterMark: 1000 } as object })
    both.accepted.write('x'.repeat(5000))
    await sleep(20)
    log.note('read', `${both.client.readableLength > 0} ${both.client.readableHighWaterMark}`)
    const [data] = await once(both.client, 'data')
    log.note('read', `${data.length > 0}`)
  })

  for (const kind of ['one buffer', 'a function']) {
    sameAsNode(`into ${kind} of the user's`, async (net, log) => {
      const buffer = Buffer.alloc(4)
      await using both = await pair(net, log, {
        client: {
          onread: {
            buffer: kind === 'a function' ? () => Buffer.alloc(4) : buffer,
            callback(bytes: number, memory: Uint8Array) {
              log.note('read', `${bytes} ${Buffer.from(memory.subarray(0, bytes))} ${memory === buffer}`)
              return true
            },
          },
        } as object,
      })
      both.accepted.end('hello world')
      await once(both.client, 'end')
      log.note('read', `${both.client.bytesRead}`)
    })
  }

  sameAsNode('into memory of no bytes', async (net, log) => {
    await using both = await pair(net, log, {
      client: { onread: { buffer: Buffer.alloc(0), callback: () => true } } as object,
    })
    const over = closed(both.client)
    both.accepted.write('x')
    await over
  })

  sameAsNode(
    'into memory of the user, who stops and goes on',
    async (net, log) => {
      let client: Socket | undefined
      await using both = await pair(net, log, {
        client: {
          onread: {
            buffer: Buffer.alloc(4),
            callback(bytes: number, memory: Uint8Array) {
              log.note('read', `${Buffer.from(memory.subarray(0, bytes))}`)
              setTimeout(() => client?.resume(), 5)
              return false
            },
          },
        } as object,
      })
      client = both.client
      both.accepted.end('hello world')
      await once(both.client, 'end')
    },
    scheme('tcp'),
  )

  sameAsNode('does not begin by itself with pauseOnConnect', async (net, log) => {
    await using both = await pair(net, log, { server: { pauseOnConnect: true } })
    both.client.end('x')
    await sleep(20)
    log.note('accepted', `${both.accepted.isPaused()} ${both.accepted.bytesRead}`)
    both.accepted.resume()
    await once(both.accepted, 'end')
  })
})

describe('writing', () => {
  sameAsNode('more than the peer reads', async (net, log) => {
    await using both = await pair(net, log)
    both.accepted.pause()
    const results: boolean[] = []
    for (let count = 0; count < 20; count++) results.push(both.client.write(Buffer.alloc(1 << 20)))
    log.note('write', `${results.at(-1)} ${both.client.writableNeedDrain} ${both.client.bytesWritten}`)
    both.accepted.resume()
    await once(both.client, 'drain')
    log.note('write', `${both.client.bytesWritten} ${both.client.bufferSize}`)
  })

  sameAsNode('what is nothing to write', async (net, log) => {
    await using both = await pair(net, log)
    for (const chunk of [null, 1, undefined, {}, true]) {
      try {
        both.client.write(chunk as never)
      } catch (error) {
        log.note('write', `${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`)
      }
    }
    both.client.write('')
    both.client.write(new Uint8Array(0))
    both.client.write(new Uint8Array([65]))
    both.client.cork()
    both.client.write('b')
    both.client.write('ff', 'hex')
    both.client.uncork()
    const [data] = await once(both.accepted, 'data')
    log.note('write', `${data.length > 0} ${both.client.bytesWritten}`)
  })
})

describe('timeouts', () => {
  sameAsNode('come again and again, and not once traffic stops them', async (net, log) => {
    await using both = await pair(net, log)
    both.client.setTimeout(30, () => log.note('client', 'called back'))
    await once(both.client, 'timeout')
    both.client.setTimeout(0)
    await sleep(50)
    log.note('client', `${both.client.timeout}`)
  })

  sameAsNode('that cannot be', async (net, log) => {
    const socket = new net.Socket()
    for (const [time, callback] of [[-1], ['1'], [Number.NaN], [Number.POSITIVE_INFINITY], [1, 1], [2 ** 31]]) {
      try {
        socket.setTimeout(time as number, callback as never)
        log.note('calls', `${time}: ${socket.timeout}`)
      } catch (error) {
        log.note('calls', `${time} ${(error as Error).name} ${(error as Error).message}`)
      }
    }
    socket.destroy()
  })
})

describe('options', () => {
  sameAsNode('are set before, while and after connecting', async (net, log) => {
    await using both = await pair(net, log, { client: { noDelay: true, keepAlive: true } as object })
    log.note(
      'calls',
      `${both.client.setNoDelay() === both.client} ${both.client.setKeepAlive(true, 2000) === both.client}`,
    )
    log.note('calls', `${both.client.ref() === both.client} ${both.client.unref() === both.client}`)
    const socket = new net.Socket()
    log.note(
      'calls',
      `${socket.setNoDelay() === socket} ${socket.setKeepAlive() === socket} ${socket.ref() === socket}`,
    )
    log.note('calls', `${JSON.stringify(socket.address())} ${socket.remoteAddress} ${socket.bufferSize}`)
  })
})
