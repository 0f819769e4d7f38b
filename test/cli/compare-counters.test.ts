import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { interfaceCounter } from '../../src/cli/compare/counters/interface-counter.ts'
import { tcpInfo } from '../../src/cli/compare/counters/tcp-info.ts'
import { trafficCounter } from '../../src/cli/compare/counters/traffic-counter.ts'
import { namespaceCommand } from '../../src/cli/compare/namespace/namespace.ts'
import { connect, type EngineName, type InetAddress, listen, type StreamEndpoint, socketpair } from '../../src/index.ts'
import { given, type Need, need, python, scheme } from '../support/need.ts'
import { commandLine, Running } from './support.ts'

const { compiled, path } = commandLine()

const probe = namespaceCommand(undefined, ['true'])
const namespaces: Need = need(
  spawnSync(probe.file, probe.args).status === 0,
  'this user can make no network namespace here',
  'run as root, and: apt-get install iproute2 util-linux',
)

/** Runs a module's source in a namespace without other traffic; gives what it printed as JSON. */
async function inside<T>(source: string): Promise<T> {
  const module = `${path()}.mjs`
  await writeFile(module, source)
  const { file, args } = namespaceCommand(undefined, [process.execPath, module])
  const { stdout, stderr } = await new Running(file, args).end().done
  expect(stderr).toBe('')
  return JSON.parse(stdout.toString()) as T
}

const library = (name: string): string => JSON.stringify(compiled(name))

describe('the loopback interface', () => {
  given(namespaces)('counts a datagram of n bytes as n + 28, the headers of UDP and IPv4, once', async () => {
    const sizes = [0, 1, 200, 1472]
    const counted = await inside<{ source: string; costs: number[][] }>(`
      import { interfaceCounter } from ${library('compare/counters/interface-counter.js')}
      import { bind, connect } from ${library('../index.js')}
      const counter = interfaceCounter()
      const receiver = await bind('udp://127.0.0.1:0')
      const sender = await connect(receiver.local)
      const costs = []
      for (const size of ${JSON.stringify(sizes)}) {
        const before = counter.read()
        await sender.send(Buffer.alloc(size))
        await receiver.receive()
        const after = counter.read()
        costs.push([after.bytes - before.bytes, after.packets - before.packets])
      }
      await Promise.all([sender.close(), receiver.close(), counter.close()])
      console.log(JSON.stringify({ source: counter.source, costs }))`)
    expect(counted.costs).toEqual(sizes.map((size) => [size + 28, 1]))
    expect(counted.source).toBe('lo, alone in its namespace')
  })

  given(namespaces)('counts a datagram of two fragments with both IP headers', async () => {
    const [bytes, packets] = await inside<[number, number]>(`
      import { interfaceCounter } from ${library('compare/counters/interface-counter.js')}
      import { bind, connect } from ${library('../index.js')}
      const receiver = await bind('udp://127.0.0.1:0')
      const sender = await connect(receiver.local)
      const counter = interfaceCounter()
      await sender.send(Buffer.alloc(1473))
      await receiver.receive()
      const { bytes, packets } = counter.read()
      await Promise.all([sender.close(), receiver.close()])
      console.log(JSON.stringify([bytes, packets]))`)
    expect([bytes, packets]).toEqual([1473 + 8 + 2 * 20, 2])
  })

  given(need(process.platform === 'linux', 'there is no /proc here', 'run it on Linux'))(
    'without a namespace says that others are in the count',
    async () => {
      const counter = interfaceCounter()
      if ('reason' in counter) throw new Error(counter.reason)
      expect(counter.source).toMatch(/^lo, shared with this machine's other programs, .*: at most this$/)
      expect((await counter.read()).bytes).toBeGreaterThanOrEqual(0)
      await counter.close()
    },
  )
})

test.each([
  ['netem', false, /behind netem: what that loses is not in the count$/],
  ['quiet', true, /^lo, alone in its namespace$/],
])('the loopback interface in a namespace of kind %s: what is lost counts: %s', (kind, countsLost, source) => {
  vi.stubEnv('POLYSOCKET_NAMESPACE', kind)
  try {
    expect(interfaceCounter()).toMatchObject({ countsLost, source: expect.stringMatching(source) })
  } finally {
    vi.unstubAllEnvs()
  }
})

describe('who counts a scheme', () => {
  test('is found by its family', async () => {
    for (const name of ['tcp', 'udp']) {
      const counter = await trafficCounter(name)
      expect('source' in counter ? counter.source : counter.reason).toMatch(/\blo\b/)
    }
    for (const name of ['rfcomm', 'l2cap']) {
      const counter = await trafficCounter(name)
      expect('source' in counter ? counter.source : counter.reason).toMatch(/HCI monitor/)
      if ('source' in counter) await counter.close()
    }
  })

  test('is nobody, with a reason, where there is no interface', async () => {
    for (const name of ['unix', 'memory', 'raw']) {
      const counter = await trafficCounter(name)
      expect('reason' in counter && counter.reason).toMatch(`the ${name} family`)
    }
    expect(await trafficCounter('toString')).toEqual({ reason: 'there is no scheme toString' })
  })
})

const open: StreamEndpoint[] = []
afterEach(() => {
  for (const endpoint of open.splice(0)) endpoint.destroy()
})

async function pair(options: { engine?: EngineName } = {}): Promise<[StreamEndpoint, StreamEndpoint]> {
  const listener = await listen('tcp://127.0.0.1:0', options)
  const accepted = listener.accept()
  const ours = await connect(listener.address as InetAddress, options)
  const theirs = await accepted
  await listener.close()
  open.push(ours as StreamEndpoint, theirs as StreamEndpoint)
  return [ours as StreamEndpoint, theirs as StreamEndpoint]
}

/** TCP_INFO of the socket that it inherits as descriptor 3, by the names and the order of linux/tcp.h. */
const READ_INFO = `
import json, socket, struct
connection = socket.socket(fileno=3)
names = """rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv
pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans
pacing_rate max_pacing_rate bytes_acked bytes_received segs_out segs_in""".split()
layout = struct.Struct("=8x24I4Q2I")
print(json.dumps(dict(zip(names, layout.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, layout.size))))))
connection.detach()
`

function infoByPython(fd: number): Record<string, number> {
  const { stdout, stderr } = spawnSync('python3', ['-c', READ_INFO], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Record<string, number>
}

describe('TCP_INFO', () => {
  given(scheme('tcp'), python)('has what Python reads of the same connection', async () => {
    const [ours, theirs] = await pair()
    ours.write(Buffer.alloc(1_000_000))
    let received = 0
    while (received < 1_000_000) {
      const [chunk] = (await once(theirs, 'data')) as [Buffer]
      received += chunk.length
    }
    // An acknowledgement may still be on its way when we first look.
    await vi.waitFor(() => {
      const before = tcpInfo(ours)
      const { total_retrans, segs_out, segs_in, rtt = 0 } = infoByPython(ours.fd as number)
      expect(before).toEqual({
        retransmitted: total_retrans,
        segmentsOut: segs_out,
        segmentsIn: segs_in,
        roundTrip: rtt / 1000,
      })
    }, 10_000)
    const [near, far] = [tcpInfo(ours), tcpInfo(theirs)]
    expect(near?.segmentsOut).toBe(far?.segmentsIn)
    expect(near?.segmentsOut).toBeGreaterThan(10)
    expect(near?.roundTrip).toBeGreaterThan(0)
  })

  test('is not to be had on the node engine', async () => {
    const [ours] = await pair({ engine: 'node' })
    expect(tcpInfo(ours)).toBeUndefined()
  })

  test('is not to be had of what is not TCP', async () => {
    const [ours, theirs] = await socketpair('memory')
    open.push(ours, theirs)
    expect(tcpInfo(ours)).toBeUndefined()
  })
})
