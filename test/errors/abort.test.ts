import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  bind,
  connect,
  createConnection,
  type DatagramEndpoint,
  type EngineName,
  type Listener,
  listen,
  type StreamEndpoint,
} from '../../src/index.ts'
import { given, python, scheme } from '../support/need.ts'
import { type PeerAddress, startPython } from '../support/python.ts'
import { eventually, openDescriptors } from '../support/resources.ts'

const reason = new Error('changed our mind')
const aborted = expect.objectContaining({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
const expired = expect.objectContaining({ name: 'SocketError', code: 'ETIMEDOUT' })

function abortSoon(): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 50)
  return controller.signal
}

describe.each<EngineName>(['kernel', 'node'])('%s engine', (engine) => {
  const test = given(scheme('tcp', engine))

  test('a signal that fired before: AbortError, and nothing is opened', async () => {
    const signal = AbortSignal.abort(reason)
    await using listener = await listen('tcp://127.0.0.1:0', { engine })
    await using endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
    const before = openDescriptors()
    await expect(connect(listener.address, { engine, signal })).rejects.toEqual(aborted)
    await expect(listen('tcp://127.0.0.1:0', { engine, signal })).rejects.toEqual(aborted)
    await expect(bind('udp://127.0.0.1:0', { engine, signal })).rejects.toEqual(aborted)
    await expect(listener.accept({ signal })).rejects.toEqual(aborted)
    await expect(endpoint.receive({ signal })).rejects.toEqual(aborted)
    expect(openDescriptors()).toBe(before)
  })

  given(python, scheme('tcp', engine))(
    'connect: aborted and timed out while it is under way',
    async () => {
      await using busy = await fullListener()
      const { address } = busy
      const before = openDescriptors()
      await expect(connect(address, { engine, signal: abortSoon() })).rejects.toEqual(aborted)
      await expect(connect(address, { engine, timeout: 50 })).rejects.toEqual(expired)
      expect(await eventually(() => openDescriptors() <= before)).toBe(true)
    },
    20_000,
  )

  given(python, scheme('tcp', engine))(
    'createConnection: the endpoint fails with the AbortError',
    async () => {
      await using busy = await fullListener()
      const before = openDescriptors()
      const endpoint = createConnection(busy.address, { engine, signal: abortSoon() })
      const [error] = await once(endpoint, 'error')
      expect(error).toEqual(aborted)
      if (!endpoint.closed) await once(endpoint, 'close')
      expect(await eventually(() => openDescriptors() <= before)).toBe(true)
    },
    20_000,
  )

  test('accept: aborted and timed out, and the next connection is not lost', async () => {
    await using listener = (await listen('tcp://127.0.0.1:0', { engine })) as Listener<StreamEndpoint>
    await expect(listener.accept({ signal: abortSoon() })).rejects.toEqual(aborted)
    await expect(listener.accept({ timeout: 20 })).rejects.toEqual(expired)
    await using client = await connect(listener.address, { engine })
    await using accepted = await listener.accept({ timeout: 5000 })
    expect(accepted.remotePort).toBe((client as StreamEndpoint).localPort)
  })

  test('receive: aborted and timed out, and the next message is not lost', async () => {
    await using endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
    await expect(endpoint.receive({ signal: abortSoon() })).rejects.toEqual(aborted)
    await expect(endpoint.receive({ timeout: 20 })).rejects.toEqual(expired)
    await endpoint.send('not lost', endpoint.local)
    expect(String((await endpoint.receive({ timeout: 5000 }))?.data)).toBe('not lost')
  })

  test('a signal that fires afterwards changes nothing', async () => {
    const controller = new AbortController()
    const { signal } = controller
    await using listener = (await listen('tcp://127.0.0.1:0', { engine, signal })) as Listener<StreamEndpoint>
    await using client = (await connect(listener.address, { engine, signal })) as StreamEndpoint
    await using accepted = await listener.accept({ signal, timeout: 5000 })
    controller.abort(reason)
    await sleep(20)
    client.write('still here')
    expect(String((await once(accepted, 'data'))[0])).toBe('still here')
    expect(listener.closed).toBe(false)
  })

  test('a timeout that passes afterwards changes nothing', async () => {
    await using listener = (await listen('tcp://127.0.0.1:0', { engine, timeout: 500 })) as Listener<StreamEndpoint>
    await using client = (await connect(listener.address, { engine, timeout: 500 })) as StreamEndpoint
    await using accepted = await listener.accept({ timeout: 500 })
    await sleep(600)
    client.write('still here')
    expect(String((await once(accepted, 'data'))[0])).toBe('still here')
  })

  test('many signals on one long-lived controller leave no listeners behind', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    await using endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
    for (let turn = 0; turn < 50; turn++) {
      await endpoint.send(String(turn), endpoint.local)
      expect(String((await endpoint.receive({ signal, timeout: 5000 }))?.data)).toBe(String(turn))
    }
    await sleep(10)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})

test('memory: aborted before and during', async () => {
  const signal = AbortSignal.abort(reason)
  await expect(connect('memory:x', { signal })).rejects.toEqual(aborted)
  await using listener = await listen('memory:abort')
  await expect(listener.accept({ signal: abortSoon() })).rejects.toEqual(aborted)
})

interface FullListener extends AsyncDisposable {
  readonly address: string
}

/**
 * A listener whose backlog is full: Linux then drops every further SYN, so that connecting to it stays under way.
 */
async function fullListener(): Promise<FullListener> {
  const child = startPython('full.py', { address: { scheme: 'tcp', host: '127.0.0.1', port: 0 } })
  const { address } = await child.report<{ address: PeerAddress }>()
  return {
    address: `tcp://${address.host}:${address.port}`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
