import { describe, expect } from 'vitest'
import type { UnixAddress } from '../../src/families/unix.ts'
import { bind, connect, type DatagramEndpoint, listen, type StreamEndpoint } from '../../src/index.ts'
import { given, python, scheme } from '../support/need.ts'
import { type PeerAddress, startPython, toPeer } from '../support/python.ts'

const unique = `polysocket-${process.pid}-`

const names: [title: string, name: Buffer][] = [
  ['text', Buffer.from(`${unique}hello`)],
  ['an inner NUL', Buffer.from(`${unique}a\0b`)],
  ['a NUL at the end', Buffer.from(`${unique}end\0`)],
  ['a NUL at the beginning', Buffer.from(`\0${unique}begin`)],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from(unique), Buffer.from([0xff, 0xfe, 0x80, 0xc3])])],
  [
    'every byte after another',
    Buffer.from([
      ...Buffer.from(unique),
      ...Array(60)
        .fill(0)
        .map((_, at) => at * 4),
    ]),
  ],
  ['the longest, 107 bytes', Buffer.from(unique.padEnd(107, 'x'))],
]

const schemes = ['unix', 'unixpacket', 'unixgram'] as const

describe.each(schemes)('abstract names, exact to the byte, with python: %s', (each) => {
  const test = given(python, scheme(each))

  describe.each(names)('%s', (_, name) => {
    const address: UnixAddress = { family: 'unix', scheme: each, abstract: name }
    const theirs: PeerAddress = { scheme: each, abstract: name.toString('hex') }

    test('python has the name, we reach it', async () => {
      await using peer = startPython('names.py', { role: each === 'unixgram' ? 'bind' : 'listen', address: theirs })
      expect(await peer.report()).toEqual({ address: theirs })
      const own: UnixAddress = {
        family: 'unix',
        scheme: each,
        abstract: Buffer.concat([name.subarray(0, 99), Buffer.from('\0client')]),
      }
      await using endpoint = (await connect(address, { local: own })) as StreamEndpoint | DatagramEndpoint
      expect(toPeer(endpoint.remote)).toEqual(theirs)
      expect(await exchange(endpoint, 'ping')).toBe('PING')
      expect(await peer.report()).toEqual({ received: 'ping', peer: toPeer(own) })
    })

    test('we have the name, python reaches it', async () => {
      await using server = await serve(address)
      expect(toPeer(server.address)).toEqual(theirs)
      const local = {
        scheme: each,
        abstract: Buffer.concat([name.subarray(0, 99), Buffer.from('\xffpeer', 'latin1')]).toString('hex'),
      }
      await using peer = startPython('names.py', { role: 'connect', address: toPeer(server.address), local })
      expect(toPeer(await server.answered)).toEqual(local)
      expect(await peer.report()).toEqual({ answer: 'PING FROM PYTHON', peer: theirs })
    })
  })

  test('a padded name is another name: python reaches it by 107 bytes only', async () => {
    const name = Buffer.from(`${unique}padded`)
    await using server = await serve({ family: 'unix', scheme: each, abstract: name, padded: true })
    const exact = { scheme: each, abstract: name.toString('hex') }
    await using refused = startPython('names.py', { role: 'connect', address: exact })
    expect(await refused.report()).toEqual({ refused: true })
    const padded = { scheme: each, abstract: Buffer.concat([name], 107).toString('hex') }
    const local = { scheme: each, abstract: Buffer.from(`${unique}asks`).toString('hex') }
    await using peer = startPython('names.py', { role: 'connect', address: padded, local })
    expect(await peer.report()).toEqual({ answer: 'PING FROM PYTHON', peer: padded })
    expect(server.address).toMatchObject({ padded: true })
  })
})

/** Sends a text and gets the answer, over whichever kind of endpoint. */
async function exchange(endpoint: StreamEndpoint | DatagramEndpoint, text: string): Promise<string> {
  if ('receive' in endpoint) {
    await endpoint.send(text)
    return String((await endpoint.receive({ timeout: 10_000 }))?.data)
  }
  endpoint.end(text)
  const chunks: Buffer[] = []
  for await (const chunk of endpoint) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

interface Server extends AsyncDisposable {
  readonly address: UnixAddress
  /** The name of the peer whose message was answered. */
  readonly answered: Promise<UnixAddress | undefined>
}

/** Answers one message in upper case. */
async function serve(address: UnixAddress): Promise<Server> {
  if (address.scheme === 'unixgram') {
    const endpoint = (await bind(address)) as DatagramEndpoint
    const answered = endpoint.receive().then(async (message) => {
      await endpoint.send(String(message?.data).toUpperCase(), message?.from)
      return message?.from as UnixAddress | undefined
    })
    return { address: endpoint.local as UnixAddress, answered, [Symbol.asyncDispose]: () => endpoint.close() }
  }
  const listener = await listen(address)
  const answered = listener.accept().then(async (accepted) => {
    const endpoint = accepted as StreamEndpoint | DatagramEndpoint
    if ('receive' in endpoint) {
      const message = await endpoint.receive({ timeout: 10_000 })
      await endpoint.send(String(message?.data).toUpperCase())
      await endpoint.end()
    } else {
      endpoint.once('data', (data) => endpoint.end(String(data).toUpperCase()))
    }
    return endpoint.remote as UnixAddress | undefined
  })
  answered.catch(() => {})
  return { address: listener.address as UnixAddress, answered, [Symbol.asyncDispose]: () => listener.close() }
}
