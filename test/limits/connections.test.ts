import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { connect, type EngineName, type Listener, listen, type StreamEndpoint } from '../../src/index.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { eventually, openDescriptors, settledMemory } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const count = 10_000

/** Node raises its soft limit to the hard one when it starts. The other ends of the connections are python's. */
const limit = Number(
  /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.POSITIVE_INFINITY,
)
const descriptors = need(limit >= count + 200, `a process may open ${limit} descriptors here`, 'run: ulimit -n 20000')

describe.each<EngineName>(['kernel', 'node'])('10,000 connections at a time, %s engine', (engine) => {
  const test = given(python, descriptors, scheme('unix', engine))

  test('to our listener: opened, used, closed, and nothing is left', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using listener = (await listen(`unix:${path}`, { engine, backlog: 4096 })) as Listener<StreamEndpoint>
    listener.on('connection', (endpoint: StreamEndpoint) => endpoint.pipe(endpoint))

    const crowd = async (size: number): Promise<void> => {
      await using peer = startPython('crowd.py', { role: 'connect', address: { scheme: 'unix', path }, count: size })
      expect(await peer.report()).toEqual({ open: size })
      expect(listener.connections).toBe(size)
      expect(openDescriptors()).toBeGreaterThanOrEqual(size)
      peer.tell('close')
      expect(await peer.report()).toEqual({ closed: size })
      expect(await eventually(() => listener.connections === 0)).toBe(true)
    }
    await expectNothingLeft(crowd)
  }, 120_000)

  test('of our endpoints: opened, used, closed, and nothing is left', async () => {
    await using directory = await temporaryDirectory()
    const crowd = async (size: number): Promise<void> => {
      const path = directory.file(`socket-${size}`)
      await using peer = startPython('crowd.py', { role: 'listen', address: { scheme: 'unix', path }, count: size })
      await peer.report()
      const endpoints: StreamEndpoint[] = []
      while (endpoints.length < size) {
        // Not all at once: a backlog that is full is another test's matter.
        const some = Array.from({ length: 500 }, () => connect(`unix:${path}`, { engine }))
        endpoints.push(...(await Promise.all(some)))
      }
      expect(openDescriptors()).toBeGreaterThanOrEqual(size)
      const echoed = await Promise.all(endpoints.map((endpoint, number) => echo(endpoint, String(number))))
      expect(echoed).toEqual(endpoints.map((_, number) => String(number)))
      await Promise.all(endpoints.map((endpoint) => end(endpoint)))
      expect(await peer.report()).toEqual({ served: size, most: size })
    }
    await expectNothingLeft(crowd)
  }, 120_000)

  given(python, scheme('unix', engine))(
    'more than the backlog holds are connected as room comes',
    async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using listener = (await listen(`unix:${path}`, { engine, backlog: 1 })) as Listener<StreamEndpoint>
      const clients = Array.from({ length: 50 }, () => connect(`unix:${path}`, { engine }))
      const results = Promise.allSettled(clients)
      const accepted: StreamEndpoint[] = []
      // Nobody has accepted until now, and the kernel says EAGAIN to most of them: unix(7).
      listener.on('connection', (endpoint: StreamEndpoint) => accepted.push(endpoint))
      const failed = (await results).filter(({ status }) => status === 'rejected')
      if (engine === 'kernel') expect(failed).toEqual([])
      for (const { reason } of failed as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: 'EAGAIN' })
      expect(await eventually(() => accepted.length === 50 - failed.length)).toBe(true)
      for (const client of clients) await client.then((endpoint) => endpoint.destroy()).catch(() => undefined)
      for (const endpoint of accepted) endpoint.destroy()
    },
    30_000,
  )
})

/** A first, smaller crowd warms up what is made once: compiled code, pools, slabs. */
async function expectNothingLeft(crowd: (size: number) => Promise<void>): Promise<void> {
  await crowd(1000)
  const before = await settledMemory()
  const open = openDescriptors()
  await crowd(count)
  expect(await eventually(() => openDescriptors() <= open)).toBe(true)
  const after = await settledMemory()
  expect(after.heap).toBeLessThan(before.heap * 1.1)
  expect(after.buffers).toBeLessThan(before.buffers + 4 * 1024 * 1024)
}

async function echo(endpoint: StreamEndpoint, text: string): Promise<string> {
  endpoint.write(text)
  const [data] = await once(endpoint, 'data')
  return String(data)
}

async function end(endpoint: StreamEndpoint): Promise<void> {
  const closed = once(endpoint, 'close')
  endpoint.end()
  endpoint.resume()
  await closed
}
