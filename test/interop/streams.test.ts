import { describe, expect } from 'vitest'
import { connect, type EngineName, listen, type StreamEndpoint } from '../../src/index.ts'
import { type Digest, MiB, receiveAll, sendRandom } from '../support/bytes.ts'
import type { Child } from '../support/child.ts'
import { given, python, scheme } from '../support/need.ts'
import { fromPeer, type PeerAddress, startPython, toPeer } from '../support/python.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'

const total = 64 * MiB
const limit = 60_000

interface Case {
  readonly title: string
  readonly scheme: 'tcp' | 'unix'
  readonly engine: EngineName
  address(directory: TemporaryDirectory): PeerAddress
}

const ipv4 = (): PeerAddress => ({ scheme: 'tcp', host: '127.0.0.1', port: 0 })
const ipv6 = (): PeerAddress => ({ scheme: 'tcp', host: '::1', port: 0 })
const path = (directory: TemporaryDirectory): PeerAddress => ({ scheme: 'unix', path: directory.file('socket') })
const abstract = (): PeerAddress => ({
  scheme: 'unix',
  abstract: Buffer.from(`polysocket-${process.pid}`).toString('hex'),
})

const cases: Case[] = [
  { title: 'tcp, IPv4, kernel engine', scheme: 'tcp', engine: 'kernel', address: ipv4 },
  { title: 'tcp, IPv6, kernel engine', scheme: 'tcp', engine: 'kernel', address: ipv6 },
  { title: 'tcp, IPv4, node engine', scheme: 'tcp', engine: 'node', address: ipv4 },
  { title: 'tcp, IPv6, node engine', scheme: 'tcp', engine: 'node', address: ipv6 },
  { title: 'unix, path, kernel engine', scheme: 'unix', engine: 'kernel', address: path },
  { title: 'unix, path, node engine', scheme: 'unix', engine: 'node', address: path },
  { title: 'unix, abstract name, kernel engine', scheme: 'unix', engine: 'kernel', address: abstract },
]

/** The connection that both ends talk over, `peer` being Python's. */
interface Joined extends AsyncDisposable {
  readonly endpoint: StreamEndpoint
  readonly peer: Child
}

async function join(each: Case, role: 'we listen' | 'python listens', mode: string): Promise<Joined> {
  const directory = await temporaryDirectory()
  const address = each.address(directory)
  const options = { engine: each.engine, allowHalfOpen: true }
  let peer: Child
  let endpoint: StreamEndpoint
  if (role === 'we listen') {
    await using listener = await listen(fromPeer(address), options)
    peer = startPython('stream.py', { role: 'connect', mode, bytes: total, address: toPeer(listener.address) })
    endpoint = (await listener.accept({ timeout: 10_000 })) as StreamEndpoint
  } else {
    peer = startPython('stream.py', { role: 'listen', mode, bytes: total, address })
    const { address: bound } = await peer.report<{ address: PeerAddress }>()
    endpoint = (await connect(fromPeer(bound), options)) as StreamEndpoint
  }
  const dispose = async (): Promise<void> => {
    endpoint.destroy()
    await peer[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  }
  return { endpoint, peer, [Symbol.asyncDispose]: dispose }
}

describe.each(cases)('64 MiB each way with python: $title', (each) => {
  const test = given(python, scheme(each.scheme, each.engine))

  test(
    'we listen: we send and end our half, then python sends',
    async () => {
      await using joined = await join(each, 'we listen', 'receive-send')
      const { endpoint, peer } = joined
      expect(endpoint.engine).toBe(each.engine)
      const receiving = receiveAll(endpoint)
      const sent = await sendRandom(endpoint, total)
      const received = await receiving
      expect(await peer.report()).toEqual({ received: sent, sent: received })
      expect(received.bytes).toBe(total)
      expect((await peer.exited).code).toBe(0)
    },
    limit,
  )

  test(
    'python listens: python sends and ends its half, then we send',
    async () => {
      await using joined = await join(each, 'python listens', 'send-receive')
      const { endpoint, peer } = joined
      expect(endpoint.engine).toBe(each.engine)
      const received = await receiveAll(endpoint)
      const sent = await sendRandom(endpoint, total)
      expect(await peer.report()).toEqual({ received: sent, sent: received })
      expect(received.bytes).toBe(total)
      expect((await peer.exited).code).toBe(0)
    },
    limit,
  )

  for (const role of ['we listen', 'python listens'] as const) {
    test(
      `${role}: python echoes while we send`,
      async () => {
        await using joined = await join(each, role, 'echo')
        const { endpoint, peer } = joined
        const [sent, received] = await Promise.all<Digest>([sendRandom(endpoint, total), receiveAll(endpoint)])
        expect(received).toEqual(sent)
        expect(await peer.report()).toEqual({ echoed: total })
        expect(endpoint.bytesWritten).toBe(total)
        expect(endpoint.bytesRead).toBe(total)
      },
      limit,
    )
  }
})
