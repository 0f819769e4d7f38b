import { readFileSync } from 'node:fs'
import { beforeAll, expect } from 'vitest'
import { connect, type Listener, listen, type StreamEndpoint, socketpair, takeOver } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { type Child, startNode } from '../support/child.ts'
import { given, need, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

const worker = new URL('scripts/worker.mjs', import.meta.url)
const test = given(scheme('tcp'))

/** Who answers one connection. */
async function ask(port: number): Promise<string> {
  const endpoint = await connect(`tcp://127.0.0.1:${port}`)
  let answer = ''
  for await (const chunk of endpoint) answer += chunk
  return answer
}

test('processes that share a port all get connections, and leave without a loss by handing over', async () => {
  await using directory = await temporaryDirectory()
  const control = (number: number): string => directory.file(`control-${number}`)
  const workers: Child[] = []
  try {
    let port = 0
    for (let number = 0; number < 3; number++) {
      const child = startNode(worker, [String(number), String(port), control(number)])
      workers.push(child)
      port = (await child.report<{ port: number }>()).port
    }
    const answers = new Map<string, number>()
    const wrong: unknown[] = []
    let isOver = false
    const client = async (): Promise<void> => {
      while (!isOver) {
        try {
          const who = await ask(port)
          answers.set(who, (answers.get(who) ?? 0) + 1)
        } catch (error) {
          wrong.push(error)
        }
      }
    }
    const clients = Array.from({ length: 4 }, client)
    expect(await eventually(() => answers.size === 3)).toBe(true)
    for (const number of [0, 1]) {
      workers[number]?.tell(`leave ${control(2)}`)
      expect(await workers[number]?.exited).toMatchObject({ code: 0, stderr: '' })
    }
    // All three sockets still share the port, and one process answers for all.
    answers.clear()
    expect(await eventually(() => (answers.get('2') ?? 0) >= 100)).toBe(true)
    isOver = true
    await Promise.all(clients)
    expect([...answers.keys()]).toEqual(['2'])
    expect(wrong).toEqual([])
  } finally {
    for (const child of workers) await child[Symbol.asyncDispose]()
  }
}, 60_000)

/**
 * tcp_migrate_req of Linux's ip-sysctl: whether what waits for a socket that is closed goes to one that shares its
 * port.
 */
function migrates(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_migrate_req', 'utf8').trim() === '1'
  } catch {
    return false
  }
}

const COUNT = 40

/** Two listeners of one port, and connections that wait in their backlogs. */
async function crowd(): Promise<{
  first: Listener<StreamEndpoint>
  second: Listener<StreamEndpoint>
  lost(): number
  end(): void
}> {
  const first = (await listen('tcp://127.0.0.1:0', { reusePort: true })) as Listener<StreamEndpoint>
  const second = (await listen(first.address, { reusePort: true })) as Listener<StreamEndpoint>
  const clients: StreamEndpoint[] = []
  for (let index = 0; index < COUNT; index++) {
    const client = (await connect(first.address)) as StreamEndpoint
    clients.push(client.on('error', () => undefined))
  }
  const lost = (): number => clients.filter(({ errored }) => errored !== null).length
  return { first, second, lost, end: () => clients.forEach((client) => void client.destroy()) }
}

given(scheme('tcp'), need(!migrates(), 'net.ipv4.tcp_migrate_req is 1', 'sysctl net.ipv4.tcp_migrate_req=0'))(
  'the kernel resets what waits in the backlog of a listener that is closed, though others share its port',
  async () => {
    const before = openDescriptors()
    const { first, second, lost, end } = await crowd()
    await first.close()
    expect(await eventually(() => lost() > 0)).toBe(true)
    let accepted = 0
    second.on('connection', (endpoint) => {
      accepted++
      endpoint.destroy()
    })
    expect(await eventually(() => accepted + lost() === COUNT)).toBe(true)
    end()
    await second.close()
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  },
)

test('and none of them when it is handed over first', async () => {
  const before = openDescriptors()
  const { first, second, lost, end } = await crowd()
  const [ours, theirs] = socketpair('unix')
  const [, taken] = await Promise.all([first.handOver(ours), takeOver(theirs)])
  let accepted = 0
  for (const listener of [taken as Listener<StreamEndpoint>, second]) listener.on('connection', () => accepted++)
  expect(await eventually(() => accepted === COUNT)).toBe(true)
  expect(lost()).toBe(0)
  end()
  for (const each of [ours, theirs]) each.destroy()
  for (const each of [taken, second]) await each.close()
  expect(await eventually(() => openDescriptors() === before)).toBe(true)
})
