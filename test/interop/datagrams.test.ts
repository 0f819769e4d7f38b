import { describe, expect } from 'vitest'
import { bind, connect, type DatagramEndpoint, type EngineName, formatAddress, listen } from '../../src/index.ts'
import type { Child } from '../support/child.ts'
import { factsOf, given, python, scheme } from '../support/need.ts'
import { fromPeer, type PeerAddress, startPython, toPeer } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { count, makePlan, receivePlan, savePlan, sendPlan } from './plan.ts'

const limit = 60_000

interface Case {
  readonly title: string
  readonly scheme: 'udp' | 'unixgram'
  readonly engine: EngineName
  address(path: string): PeerAddress
}

const cases: Case[] = [
  { title: 'udp, IPv4, kernel engine', scheme: 'udp', engine: 'kernel', address: () => udp('127.0.0.1') },
  { title: 'udp, IPv6, kernel engine', scheme: 'udp', engine: 'kernel', address: () => udp('::1') },
  { title: 'udp, IPv4, node engine', scheme: 'udp', engine: 'node', address: () => udp('127.0.0.1') },
  { title: 'udp, IPv6, node engine', scheme: 'udp', engine: 'node', address: () => udp('::1') },
  { title: 'unixgram', scheme: 'unixgram', engine: 'kernel', address: (path) => ({ scheme: 'unixgram', path }) },
]

const udp = (host: string): PeerAddress => ({ scheme: 'udp', host, port: 0 })

async function expectAll(peer: Child, done: 'received' | 'sent'): Promise<void> {
  expect(await peer.report()).toEqual(done === 'sent' ? { sent: count } : { received: count, wrong: [] })
  expect((await peer.exited).code).toBe(0)
}

describe.each(cases)('10,000 datagrams with python: $title', (each) => {
  const test = given(python, scheme(each.scheme, each.engine))
  const plan = makePlan(factsOf(each.scheme), 1)

  test(
    'a bound endpoint sends them to python',
    async () => {
      await using directory = await temporaryDirectory()
      await savePlan(plan, directory.path)
      const address = each.address(directory.file('python'))
      await using peer = startPython('datagrams.py', { do: 'receive', role: 'bind', plan: directory.path, address })
      const { address: theirs } = await peer.report<{ address: PeerAddress }>()
      const ours = fromPeer(each.address(directory.file('ours')))
      await using endpoint = (await bind(ours, { engine: each.engine })) as DatagramEndpoint
      expect(endpoint.engine).toBe(each.engine)
      await sendPlan(endpoint, plan, fromPeer(theirs))
      await expectAll(peer, 'received')
    },
    limit,
  )

  test(
    'a connected endpoint sends them to python',
    async () => {
      await using directory = await temporaryDirectory()
      await savePlan(plan, directory.path)
      const address = each.address(directory.file('python'))
      await using peer = startPython('datagrams.py', { do: 'receive', role: 'bind', plan: directory.path, address })
      const { address: theirs } = await peer.report<{ address: PeerAddress }>()
      await using endpoint = (await connect(fromPeer(theirs), { engine: each.engine })) as DatagramEndpoint
      await sendPlan(endpoint, plan)
      await expectAll(peer, 'received')
    },
    limit,
  )

  test(
    'python sends them to a bound endpoint',
    async () => {
      await using directory = await temporaryDirectory()
      await savePlan(plan, directory.path)
      const ours = fromPeer(each.address(directory.file('ours')))
      await using endpoint = (await bind(ours, { engine: each.engine })) as DatagramEndpoint
      const address = each.address(directory.file('python'))
      const to = toPeer(endpoint.local)
      await using peer = startPython('datagrams.py', { do: 'send', role: 'bind', plan: directory.path, address, to })
      const { address: theirs } = await peer.report<{ address: PeerAddress }>()
      expect(await receivePlan(endpoint, plan)).toEqual({ wrong: [], senders: [formatAddress(fromPeer(theirs))] })
      await expectAll(peer, 'sent')
      expect(endpoint.dropped).toBe(0)
    },
    limit,
  )
})

describe('10,000 messages with python: unixpacket', () => {
  const test = given(python, scheme('unixpacket'))
  const plan = makePlan(factsOf('unixpacket'), 2)

  for (const role of ['we listen', 'python listens'] as const) {
    for (const direction of ['receive', 'send'] as const) {
      test(
        `${role}, python ${direction}s`,
        async () => {
          await using directory = await temporaryDirectory()
          await savePlan(plan, directory.path)
          const address = { scheme: 'unixpacket', path: directory.file('socket') }
          const argument = { do: direction, plan: directory.path, address }
          await using joined = await join(role, argument)
          const { endpoint, peer } = joined
          if (direction === 'receive') {
            await sendPlan(endpoint, plan)
          } else {
            expect(await receivePlan(endpoint, plan)).toMatchObject({ wrong: [] })
            // The end of the conversation is not an empty message, of which there were many.
            expect(await endpoint.receive({ timeout: 10_000 })).toBeUndefined()
          }
          await expectAll(peer, direction === 'receive' ? 'received' : 'sent')
        },
        limit,
      )
    }
  }
})

interface Joined extends AsyncDisposable {
  readonly endpoint: DatagramEndpoint
  readonly peer: Child
}

async function join(role: string, argument: { address: PeerAddress; [key: string]: unknown }): Promise<Joined> {
  let peer: Child
  let endpoint: DatagramEndpoint
  if (role === 'we listen') {
    await using listener = await listen(fromPeer(argument.address))
    peer = startPython('datagrams.py', { ...argument, role: 'connect' })
    endpoint = (await listener.accept({ timeout: 10_000 })) as DatagramEndpoint
  } else {
    peer = startPython('datagrams.py', { ...argument, role: 'listen' })
    await peer.report()
    endpoint = (await connect(fromPeer(argument.address))) as DatagramEndpoint
  }
  const dispose = async (): Promise<void> => {
    await endpoint.close()
    await peer[Symbol.asyncDispose]()
  }
  return { endpoint, peer, [Symbol.asyncDispose]: dispose }
}
