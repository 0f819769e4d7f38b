import { expect } from 'vitest'
import { bind, connect, type DatagramEndpoint } from '../../src/index.ts'
import type { Child } from '../support/child.ts'
import { given, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const test = given(python, scheme('unixgram'))
const metric = (at: number): string => `app.żółw.${at % 7}:${at}|c|#env:prod,shard:${at % 3}`

interface Sums {
  readonly sums: Record<string, number>
  readonly datagrams: number
}

interface Agent extends AsyncDisposable {
  readonly child: Child
  readonly address: `unixgram:${string}`
}

async function startAgent(): Promise<Agent> {
  const directory = await temporaryDirectory()
  const path = directory.file('statsd')
  const child = startPython('statsd.py', { address: { scheme: 'unixgram', path } })
  await child.line()
  const dispose = async (): Promise<void> => {
    await child[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  }
  return { child, address: `unixgram:${path}`, [Symbol.asyncDispose]: dispose }
}

/** What the agent must have counted once it has read the first `count` metrics. */
function sumsOf(count: number): Record<string, number> {
  const sums: Record<string, number> = {}
  for (let at = 0; at < count; at++) sums[`app.żółw.${at % 7}`] = (sums[`app.żółw.${at % 7}`] ?? 0) + at
  return sums
}

test('10,000 metrics arrive, one a datagram, by sendBatch', async () => {
  await using agent = await startAgent()
  await using endpoint = await connect(agent.address)
  agent.child.tell('read 10000')
  const result = await endpoint.sendBatch(Array.from({ length: 10_000 }, (_, at) => ({ data: metric(at) })))
  expect(result).toEqual({ sent: 10_000, failed: [] })
  expect(await agent.child.report<Sums>()).toEqual({ sums: sumsOf(10_000), datagrams: 10_000 })
})

test('10,000 metrics arrive, 50 a datagram, by send', async () => {
  await using agent = await startAgent()
  await using endpoint = await connect(agent.address)
  agent.child.tell('read 10000')
  for (let at = 0; at < 10_000; at += 50) {
    await endpoint.send(Array.from({ length: 50 }, (_, line) => metric(at + line)).join('\n'))
  }
  expect(await agent.child.report<Sums>()).toEqual({ sums: sumsOf(10_000), datagrams: 200 })
})

test('an agent that does not read: trySend says so at once, send queues and then refuses, and nothing taken is lost', async () => {
  await using agent = await startAgent()
  await using endpoint = (await connect(agent.address, { sendQueue: 100 })) as DatagramEndpoint
  let taken = 0
  while (endpoint.trySend(metric(taken))) taken++
  // net.unix.max_dgram_qlen, 10 by itself, or the send buffer.
  expect(taken).toBeGreaterThan(0)
  expect(taken).toBeLessThan(1000)
  const queued = Array.from({ length: 100 }, (_, at) => endpoint.send(metric(taken + at)))
  await expect(endpoint.send('too much:1|c')).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
  expect(endpoint.trySend('too much:1|c')).toBe(false)
  expect(endpoint.queued.outgoing).toBe(100)

  const ready = endpoint.ready()
  agent.child.tell(`read ${taken + 100}`)
  await Promise.all([ready, ...queued])
  expect(await agent.child.report<Sums>()).toEqual({ sums: sumsOf(taken + 100), datagrams: taken + 100 })
  expect(endpoint.trySend(metric(0))).toBe(true)
})

test('a connected endpoint learns that its agent has gone, and has no peer from then on', async () => {
  await using agent = await startAgent()
  await using endpoint = await connect(agent.address)
  agent.child.tell('again')
  await agent.child.line()
  await expect(endpoint.send(metric(0))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  // unix_dgram_sendmsg takes the dead peer away: an agent that comes back is not reached, but by another endpoint.
  expect(() => endpoint.trySend(metric(0))).toThrow(expect.objectContaining({ code: 'ENOTCONN' }))
  expect(endpoint.closed).toBe(false)
})

test('an agent that is restarted is reached again by an endpoint that is not connected', async () => {
  await using agent = await startAgent()
  await using endpoint = await bind('unixgram:?unnamed')
  await endpoint.send(metric(1), agent.address)
  agent.child.tell('read 1')
  expect((await agent.child.report<Sums>()).datagrams).toBe(1)
  agent.child.tell('again')
  await agent.child.line()
  await expect(endpoint.send(metric(2), agent.address)).rejects.toMatchObject({ code: 'ENOENT' })
  agent.child.tell('now')
  await agent.child.line()
  await endpoint.send(metric(3), agent.address)
  agent.child.tell('read 1')
  expect((await agent.child.report<Sums>()).sums).toEqual({ 'app.żółw.3': 3 })
})
