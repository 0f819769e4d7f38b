import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { inOwnNetwork } from '../../examples/call/network/netem.ts'
import { hciCounter } from '../../src/cli/compare/counters/hci-counter.ts'
import { namespaceCommand } from '../../src/cli/compare/namespace/namespace.ts'
import type { LinkFaults } from '../../src/cli/compare/result.ts'
import { bind, connect, type DatagramEndpoint, type L2capAddress, type Listener, listen } from '../../src/index.ts'
import { commandLine, Running } from '../cli/support.ts'
import { pairOfControllers } from './support.ts'

const { compiled, path } = commandLine()

const library = (name: string): string => JSON.stringify(compiled(name))

/**
 * Runs a module's source where the network has these faults; gives what it printed as JSON. On one CPU: each has a queue
 * of its own for the loopback interface, so that a message sent after a move to another CPU may overtake the one before.
 */
async function withFaults<T>(faults: LinkFaults, source: string): Promise<T> {
  return run<T>(source, (command) => namespaceCommand(faults, ['taskset', '--cpu-list', '0', ...command]))
}

async function run<T>(
  source: string,
  command: (program: readonly string[]) => { file: string; args: string[] },
): Promise<T> {
  const module = `${path()}.mjs`
  await writeFile(module, source)
  const { file, args } = command([process.execPath, module])
  const { stdout, stderr } = await new Running(file, args).end().done
  expect(stderr).toBe('')
  return JSON.parse(stdout.toString()) as T
}

/** Numbered messages of 200 bytes, one every 2 ms, and of each that came when it was sent and when it arrived. */
const MESSAGES = 2000
const sendNumbered = `
import { setTimeout as sleep } from 'node:timers/promises'
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
const message = (number) => {
  const bytes = Buffer.alloc(200)
  bytes.writeUInt32BE(number)
  return bytes
}
const sent = []
const journeys = []
const arrived = (bytes) => {
  const number = bytes.readUInt32BE(0)
  journeys.push([number, performance.now() - sent[number]])
}
async function sendAll(send) {
  for (let number = 0; number < ${MESSAGES}; number++) {
    sent[number] = performance.now()
    await send(message(number))
    if (number % 2 === 1) await sleep(4)
  }
}
`

interface Datagrams {
  readonly source: string
  readonly lost: number
  readonly copies: number
  readonly late: number
  readonly fastest: number
  readonly p50: number
}

const overUdp = (): string => `${sendNumbered}
import { interfaceCounter } from ${library('compare/counters/interface-counter.js')}
import { bind, connect } from ${library('../index.js')}
const { source } = interfaceCounter()
const receiver = await bind('udp://127.0.0.1:0')
const sender = await connect(receiver.local)
receiver.on('message', ({ data }) => arrived(data))
await sendAll((bytes) => sender.send(bytes))
// Until nothing more has come for a while.
for (let before = -1; before !== journeys.length; ) {
  before = journeys.length
  await sleep(2000)
}
await Promise.all([sender.close(), receiver.close()])
let highest = -1
let late = 0
for (const [number] of journeys) {
  if (number < highest) late++
  highest = Math.max(highest, number)
}
const times = journeys.map(([, time]) => time)
const different = new Set(journeys.map(([number]) => number)).size
console.log(JSON.stringify({
  source, late, lost: ${MESSAGES} - different, copies: journeys.length - different, fastest: Math.min(...times), p50: median(times),
}))`

interface Stream {
  readonly numbers: readonly number[]
  readonly fastest: number
  readonly p50: number
  readonly info: { readonly retransmitted: number; readonly roundTrip: number }
  /** tcpi_total_retrans as Python reads it of the same socket. */
  readonly python: number
  readonly setUp: number
}

const overTcp = (): string => `${sendNumbered}
import { spawnSync } from 'node:child_process'
import { tcpInfo } from ${library('compare/counters/tcp-info.js')}
import { connect, listen } from ${library('../index.js')}
const listener = await listen('tcp://127.0.0.1:0')
const accepted = listener.accept()
const started = performance.now()
const client = await connect(listener.address)
const setUp = performance.now() - started
client.setNoDelay()
const server = await accepted
const receiving = (async () => {
  let rest = Buffer.alloc(0)
  for await (const chunk of server) {
    rest = Buffer.concat([rest, chunk])
    for (; rest.length >= 200; rest = rest.subarray(200)) arrived(rest)
  }
})()
await sendAll(async (bytes) => void client.write(bytes))
while (journeys.length < ${MESSAGES}) await sleep(100)
// The last acknowledgements.
await sleep(500)
const script = 'import socket, struct; s = socket.socket(fileno=3); ' +
  'print(struct.unpack_from("=I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]); s.detach()'
const python = Number(spawnSync('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', client.fd] }).stdout)
const info = tcpInfo(client)
client.end()
await receiving
await listener.close()
const times = journeys.map(([, time]) => time)
console.log(JSON.stringify({
  numbers: journeys.map(([number]) => number), fastest: Math.min(...times), p50: median(times), info, python, setUp,
}))`

const everything: LinkFaults = { loss: 0.05, duplicate: 0.01, reorder: 0.01, delay: 20, jitter: 5, seed: 1 }
const none: LinkFaults = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, seed: 1 }
const inOrder = Array.from({ length: MESSAGES }, (_, number) => number)

describe('a namespace with netem', () => {
  test('loses 5 % of the messages of udp, and delays the others', async () => {
    const result = await withFaults<Datagrams>({ ...none, loss: 0.05, delay: 20 }, overUdp())
    // Binomial, 2000 messages: outside of these bounds once in a million runs.
    expect(result.lost).toBeGreaterThanOrEqual(55)
    expect(result.lost).toBeLessThanOrEqual(151)
    expect(result).toMatchObject({
      source: expect.stringMatching(/^lo, alone in its namespace, .*loses is not/),
      copies: 0,
      late: 0,
    })
    expect(result.fastest).toBeGreaterThanOrEqual(20)
  })

  test('duplicates and reorders as the memory family does: a message that is held back is late, those behind it are not', async () => {
    const result = await withFaults<Datagrams>({ ...none, duplicate: 0.05, reorder: 0.05, delay: 20 }, overUdp())
    expect(result.lost).toBe(0)
    expect(result.copies).toBeGreaterThanOrEqual(55)
    expect(result.copies).toBeLessThanOrEqual(151)
    // Copies are held back as well, and a pause of the machine makes one wait that then arrives in order.
    expect(result.late).toBeGreaterThanOrEqual(30)
    expect(result.late).toBeLessThanOrEqual(250)
    expect(result.fastest).toBeGreaterThanOrEqual(20)
  })

  test('tcp loses nothing, for it sends again: TCP_INFO counts it', async () => {
    const result = await withFaults<Stream>({ ...none, loss: 0.05, delay: 20 }, overTcp())
    expect(result.numbers).toEqual(inOrder)
    expect(result.info.retransmitted).toBeGreaterThan(0)
    expect(result.info.retransmitted).toBe(result.python)
    expect(result.info.roundTrip).toBeGreaterThanOrEqual(40)
    expect(result.setUp).toBeGreaterThanOrEqual(40)
    expect(result.fastest).toBeGreaterThanOrEqual(20)
  })

  test('is where a command runs again, with nothing left behind; its exit code passes', async () => {
    const folder = path()
    await mkdir(folder)
    const module = `${path()}.mjs`
    await writeFile(
      module,
      `import { namespaceKind, runInNamespace } from ${library('compare/namespace/namespace.js')}
      import { listenForStop } from ${library('stop.js')}
      import { execFileSync } from 'node:child_process'
      if (namespaceKind() === undefined) {
        const stop = listenForStop()
        process.exitCode = await runInNamespace(${JSON.stringify(everything)}, process.argv.slice(1), stop)
        stop.dispose()
      } else {
        process.stdout.write(execFileSync('/usr/sbin/tc', ['qdisc', 'show', 'dev', 'lo']))
        console.log(namespaceKind(), process.argv.slice(2))
        process.exitCode = 7
      }`,
    )
    const command = new Running(process.execPath, [module, 'an argument'], { TMPDIR: folder })
    const { code, stdout, stderr } = await command.end().done
    expect(stderr).toBe('')
    // tc rounds what it shows.
    expect(stdout.toString()).toMatch(
      /^qdisc netem .* limit 100000 delay 20ms +[\d.]+ms loss 5% duplicate 1%.*\nnetem \[ 'an argument' \]\n$/,
    )
    expect(await readdir(folder)).toEqual([])
    expect(code).toBe(7)
  })

  test('of the example is one of its own, and bad once it says so', async () => {
    const [module, result] = [`${path()}.mjs`, path()]
    await writeFile(
      module,
      `import { execFileSync } from 'node:child_process'
      import { writeFileSync } from 'node:fs'
      import { disturb, isInOwnNetwork } from ${JSON.stringify(new URL('../../examples/build/call/network/netem.js', import.meta.url).href)}
      const show = () => execFileSync('/usr/sbin/tc', ['qdisc', 'show', 'dev', 'lo'], { encoding: 'utf8' })
      const before = show()
      disturb({ loss: 0.05, delay: 20, jitter: 10 })
      writeFileSync(${JSON.stringify(result)}, isInOwnNetwork + ' ' + before + show())
      process.exitCode = 9`,
    )
    expect(await inOwnNetwork([module])).toBe(9)
    expect(await readFile(result, 'utf8')).toMatch(
      /^true qdisc noqueue .*\nqdisc netem .* limit 100000 delay 25ms +5ms loss 5%/,
    )
    expect(await inOwnNetwork(['-e', 'process.exit(4)'])).toBe(4)
  })

  test('has no Bluetooth', async () => {
    const { reason } = await withFaults<{ reason: string }>(
      none,
      `import { trafficCounter } from ${library('compare/counters/traffic-counter.js')}
      console.log(JSON.stringify(await trafficCounter('l2cap')))`,
    )
    expect(reason).toMatch(/^the HCI monitor cannot be opened: ERR_FAMILY_UNAVAILABLE /)
  })
})

describe('the HCI monitor', () => {
  test('counts an l2cap message of n bytes as n + 8: the headers of L2CAP and of ACL data', async () => {
    const { near, far } = pairOfControllers()
    const listener = (await listen(`l2cap://${far.address}/0`)) as unknown as Listener
    const accepting = listener.accept({ timeout: 30_000 })
    const ours = await connect(listener.address as L2capAddress, { local: `l2cap://${near.address}/0` })
    const theirs = (await accepting) as unknown as DatagramEndpoint
    const counter = await hciCounter()
    if ('reason' in counter) throw new Error(counter.reason)
    // What is still to be said about the connection itself.
    await ours.send('first')
    await theirs.receive({ timeout: 30_000 })
    const costs: number[][] = []
    const sizes = [1, 48, 150, 672]
    for (const size of sizes) {
      const before = await counter.read()
      await ours.send(Buffer.alloc(size))
      await theirs.receive({ timeout: 30_000 })
      const after = await counter.read()
      costs.push([after.bytes - before.bytes, after.packets - before.packets])
    }
    await Promise.all([ours.close(), theirs.close(), listener.close()])
    await counter.close()
    expect(costs.slice(0, 3)).toEqual([
      [1 + 8, 1],
      [48 + 8, 1],
      [150 + 8, 1],
    ])
    // A message that is longer than the controller's buffers is several packets of ACL data, each with its header of 4 bytes.
    const [bytes = 0, packets = 0] = costs[3] ?? []
    expect(bytes).toBe(672 + 4 + 4 * packets)
    expect(packets).toBeGreaterThan(1)
  })

  test('is for root', async () => {
    const counter = await run<{ reason: string }>(
      `import { hciCounter } from ${library('compare/counters/hci-counter.js')}
      console.log(JSON.stringify(await hciCounter()))`,
      (program) => ({ file: 'setpriv', args: ['--bounding-set=-net_raw', '--inh-caps=-net_raw', ...program] }),
    )
    expect(counter).toEqual({ reason: 'the HCI monitor is for root (CAP_NET_RAW) only' })
  })

  test('does not count what is no data', async () => {
    const counter = await hciCounter()
    if ('reason' in counter) throw new Error(counter.reason)
    // Asks the management interface, which the monitor tells of.
    await (await bind('raw:31:3:1:1f00ffff0300')).close()
    expect(await counter.read()).toEqual({ bytes: 0, packets: 0 })
    await counter.close()
  })
})
