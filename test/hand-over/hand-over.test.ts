import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import {
  connect,
  type DatagramEndpoint,
  type Listener,
  listen,
  type StreamEndpoint,
  socketpair,
  takeOver,
} from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const test = given(scheme('unix'))

const opened: StreamEndpoint[] = []

noDescriptorsLeft(() => {
  for (const endpoint of opened.splice(0)) endpoint.destroy()
})

/** The stream between two processes, which here are one. */
function channel(): [StreamEndpoint, StreamEndpoint] {
  const ends = socketpair('unix')
  opened.push(...ends)
  return ends
}

type AnyListener = Listener<StreamEndpoint | DatagramEndpoint>

async function handedOver(old: AnyListener): Promise<AnyListener> {
  const [ours, theirs] = channel()
  const [, taken] = await Promise.all([old.handOver(ours), takeOver(theirs)])
  return taken
}

/** One connection through the listener, from its address to `accept`. */
async function passesThrough(listener: AnyListener, address = listener.address): Promise<void> {
  const [client, served] = await Promise.all([connect(address), listener.accept({ timeout: 5000 })])
  if ('write' in client && 'write' in served) {
    client.end('through')
    for await (const chunk of served) expect(String(chunk)).toBe('through')
    client.destroy()
  } else if ('send' in client && 'send' in served) {
    await client.send('through')
    expect(String((await served.receive({ timeout: 5000 }))?.data)).toBe('through')
    await client.close()
    await served.close()
  }
}

describe('a listener that is handed over', () => {
  test('tcp: the same address, the same socket', async () => {
    const old = await listen('tcp://127.0.0.1:0')
    const { address } = old
    const taken = await handedOver(old)
    expect(old.closed).toBe(true)
    expect(taken.address).toEqual(address)
    await passesThrough(taken)
    await taken.close()
    await expect(connect(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  for (const name of ['unix', 'unixpacket'] as const) {
    test(`${name}: the file stays, and is the new owner's to remove`, async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      const old = await listen(`${name}:${path}`)
      const second = await handedOver(old as AnyListener)
      expect(existsSync(path)).toBe(true)
      await passesThrough(second)
      const third = await handedOver(second)
      expect(existsSync(path)).toBe(true)
      await passesThrough(third)
      await third.close()
      expect(existsSync(path)).toBe(false)
    })
  }

  test('a relative path is the one of the process that made it', async () => {
    await using directory = await temporaryDirectory()
    const home = process.cwd()
    process.chdir(directory.path)
    try {
      const old = await listen('unix:./socket')
      process.chdir('/')
      const taken = await handedOver(old as AnyListener)
      await passesThrough(taken, `unix:${directory.file('socket')}` as never)
      await taken.close()
      expect(existsSync(directory.file('socket'))).toBe(false)
    } finally {
      process.chdir(home)
    }
  })

  test('a file that took the name meanwhile is left alone', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    const taken = await handedOver((await listen(`unix:${path}`)) as AnyListener)
    renameSync(path, `${path}.old`)
    writeFileSync(path, 'a file')
    await taken.close()
    expect(existsSync(path)).toBe(true)
  })

  test('abstract: nothing is left to remove', async () => {
    const taken = await handedOver((await listen(`unix:@polysocket-${process.pid}`)) as AnyListener)
    await passesThrough(taken)
    await taken.close()
  })

  test('connections that wait in the backlog are the new owner’s, those accepted live on', async () => {
    const old = await listen('tcp://127.0.0.1:0')
    const [first, served] = await Promise.all([connect(old.address), old.accept()])
    const waiting = (await connect(old.address)) as StreamEndpoint
    waiting.write('waited')
    const taken = await handedOver(old as AnyListener)
    const late = (await taken.accept({ timeout: 5000 })) as StreamEndpoint
    expect(String(await new Promise((resolve) => late.once('data', resolve)))).toBe('waited')
    ;(served as StreamEndpoint).write('still here')
    expect(String(await new Promise((resolve) => (first as StreamEndpoint).once('data', resolve)))).toBe('still here')
    for (const each of [first, served, waiting, late]) (each as StreamEndpoint).destroy()
    await taken.close()
  })

  test('several over one stream, which is as good as before; whoever is first waits', async () => {
    const listeners = await Promise.all([listen('tcp://127.0.0.1:0'), listen('tcp://127.0.0.1:0')])
    const addresses = listeners.map(({ address }) => address)
    const [ours, theirs] = channel()
    const gave = (async () => {
      for (const listener of listeners) await listener.handOver(ours, { timeout: 5000 })
      ours.write('that is all')
    })()
    const taken: AnyListener[] = []
    for (const _ of listeners) taken.push(await takeOver(theirs, { timeout: 5000, maxConnections: 7 }))
    await gave
    expect(taken.map(({ address }) => address)).toEqual(addresses)
    expect(taken.map(({ maxConnections }) => maxConnections)).toEqual([7, 7])
    expect(String(await new Promise((resolve) => theirs.once('data', resolve)))).toBe('that is all')
    for (const end of [ours, theirs]) {
      expect(end.listenerCount('fds') + end.listenerCount('error') + end.listenerCount('readable')).toBe(0)
    }
    for (const each of taken) await each.close()
  })

  test('whoever waits for it learns that it is closed', async () => {
    const old = await listen('tcp://127.0.0.1:0')
    const waiting = expect(old.accept()).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
    const ended = (async () => {
      for await (const _ of old) expect.unreachable()
    })()
    let closed = 0
    old.on('close', () => closed++)
    const taken = await handedOver(old as AnyListener)
    await waiting
    await ended
    await old.close()
    expect(closed).toBe(1)
    await expect(old.handOver(channel()[0])).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
    await taken.close()
  })
})
