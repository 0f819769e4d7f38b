import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import { always, type CaseDefinition, isConnected, isStream } from './case.ts'
import { addressOf, asDatagram, type Fixture } from './fixture.ts'
import { assertTalk } from './listeners.ts'
import { datagramPair, streamPair } from './pair.ts'

/** What people paste, cut off or mistype after a scheme; a parser refuses it with its code or takes it, and nothing else. */
const JUNK = [
  '',
  ' ',
  '/',
  '//',
  '///',
  '?',
  '#',
  '@',
  '%',
  '%zz',
  '%00',
  '\0',
  'a\0b',
  ':',
  '::',
  '//[',
  '//[]:',
  '//[::1',
  '//:0',
  '//x:',
  '//x:65536',
  '//x:-1',
  '//x:1e3',
  '//x:0x10',
  '//x: 1',
  '//::1:80',
  '//user@x:1',
  '//x:1/path',
  '?a=b',
  'x?a=b&a=c',
  'é',
  '\ud800',
  '-1',
  '1'.repeat(400),
  'x'.repeat(20_000),
]

const ofSuchType = [undefined, null, 5, true, Symbol('address'), [], {}, { family: 5 }, () => 'text']

/** The text and the address say the same, and the text is canonical. */
function assertRoundTrip(f: Fixture, address: Address): string {
  const text = f.sockets.formatAddress(address)
  assert.ok(text.startsWith(`${f.scheme}:`), `${text} does not begin with its scheme`)
  const parsed = f.sockets.parseAddress(text)
  assert.deepEqual(parsed, address, `${text} does not parse to the address that it was made from`)
  assert.equal(f.sockets.formatAddress(parsed), text)
  return text
}

async function opened(f: Fixture): Promise<Address> {
  return addressOf(f.facts.connected ? await f.listen() : await f.bind())
}

export const addresses: readonly CaseDefinition[] = [
  {
    name: 'an address names its family and scheme, and survives its text',
    when: always,
    run: async (f) => {
      const address = f.address()
      assert.equal(address.family, f.family.name)
      assert.equal(address.scheme, f.scheme)
      const text = assertRoundTrip(f, address)
      const upper = `${f.scheme.toUpperCase()}${text.slice(f.scheme.length)}`
      assert.deepEqual(f.sockets.parseAddress(upper), address, 'a scheme may be in capitals')
      assert.deepEqual(f.family.parse(f.scheme, text.slice(f.scheme.length + 1)), address)
    },
  },
  {
    name: 'the address that the system reports keeps the scheme and survives its text',
    when: always,
    run: async (f) => {
      const address = await opened(f)
      assert.equal(address.family, f.family.name)
      assert.equal(address.scheme, f.scheme)
      assertRoundTrip(f, address)
    },
  },
  {
    name: 'an open address can be reached by its text, and by a copy of itself',
    when: always,
    run: async (f) => {
      const listener = f.facts.connected ? await f.listen() : undefined
      const bound = listener === undefined ? await f.bind() : undefined
      const address = addressOf(listener ?? (bound as NonNullable<typeof bound>))
      for (const way of [f.sockets.formatAddress(address), { ...address }]) {
        const accepting = listener === undefined ? bound : f.accept(listener)
        const [near, far] = await Promise.all([f.connect(way as Address), accepting])
        assert.ok(far !== undefined)
        await assertTalk(f, near, far, 'found')
      }
    },
  },
  {
    name: 'the ends of a connection agree on their addresses',
    when: isConnected,
    run: async (f) => {
      const pair = isStream(f.facts) ? await streamPair(f) : { listener: undefined, ...(await datagramPair(f)) }
      const { near, far } = pair
      assert.deepEqual(far.remote, near.local)
      assert.deepEqual(near.remote, far.local)
      if (pair.listener !== undefined) assert.deepEqual(near.remote, addressOf(pair.listener))
      for (const address of [near.local, near.remote]) if (address !== undefined) assertRoundTrip(f, address)
    },
  },
  {
    name: 'a stream gives its addresses in the words of net.Socket, where the family has them',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const { remote } = near
      const expected = remote === undefined ? undefined : f.family.toNode?.(remote)
      assert.equal(near.remoteAddress, expected?.address)
      assert.equal(near.remotePort, expected?.port)
      assert.equal(near.remoteFamily, expected?.family)
      assert.deepEqual(far.address(), expected ?? {})
      assert.deepEqual(
        [far.localAddress, far.localPort, far.localFamily],
        [expected?.address, expected?.port, expected?.family],
      )
    },
  },
  {
    name: 'endpoints and listeners carry the facts and the name of their engine',
    when: always,
    run: async (f) => {
      const opened = []
      if (isStream(f.facts)) {
        const { near, far, listener } = await streamPair(f)
        opened.push(near, far, listener)
      } else {
        const { near, far } = await datagramPair(f)
        opened.push(near, far)
      }
      for (const { facts, engine } of opened) {
        assert.deepEqual({ ...facts, maxMessage: 0 }, { ...f.facts, maxMessage: 0 })
        assert.ok(typeof engine === 'string' && engine !== '')
        if (f.engine !== undefined) assert.equal(engine, f.engine)
      }
    },
  },
  {
    name: 'toSocat gives one line, or ERR_UNSUPPORTED',
    when: always,
    run: async (f) => {
      const address = await opened(f)
      if (f.family.toSocat === undefined) {
        assert.throws(() => f.sockets.toSocat(address), { code: 'ERR_UNSUPPORTED' })
      } else {
        assert.match(f.sockets.toSocat(address), /^[A-Z0-9-]+:[^\n]+$/i)
      }
    },
  },
  {
    name: 'junk is ERR_ADDRESS_INVALID or an address that survives its text, never another error',
    when: always,
    run: async (f) => {
      for (const junk of JUNK) {
        const text = `${f.scheme}:${junk}`
        let address: Address
        try {
          address = f.sockets.parseAddress(text)
        } catch (error) {
          const { code, name } = error as NodeJS.ErrnoException
          assert.deepEqual([code, name], ['ERR_ADDRESS_INVALID', 'SocketError'], `${JSON.stringify(text)}: ${error}`)
          continue
        }
        assertRoundTrip(f, address)
      }
      assert.throws(() => f.sockets.parseAddress('nosuchscheme:x'), { code: 'ERR_FAMILY_UNKNOWN' })
      assert.throws(() => f.sockets.parseAddress(''), { code: 'ERR_ADDRESS_INVALID' })
      assert.throws(() => f.sockets.parseAddress('no scheme'), { code: 'ERR_ADDRESS_INVALID' })
    },
  },
  {
    name: 'what is no address at all is a TypeError',
    when: always,
    run: async (f) => {
      for (const junk of ofSuchType) {
        const address = junk as unknown as string
        assert.throws(() => f.sockets.parseAddress(address), TypeError)
        assert.throws(() => f.sockets.formatAddress(address), TypeError)
        await assert.rejects(f.sockets.connect(address), TypeError)
        await assert.rejects(f.sockets.listen(address), TypeError)
        await assert.rejects(f.sockets.bind(address), TypeError)
      }
      const bound = isStream(f.facts) ? undefined : (await datagramPair(f)).near
      if (bound !== undefined) await assert.rejects(asDatagram(bound).send('x', 5 as unknown as string), TypeError)
    },
  },
]
