import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { ListenOptions, SocketOptions } from '../core/options.ts'
import { always, type CaseDefinition, isConnected, isConnectionless, isDatagram, isStream } from './case.ts'
import { type AnyListener, addressOf, type Endpoint, type Fixture } from './fixture.ts'
import { assertRefused, assertTalk } from './listeners.ts'
import { deliver } from './messages.ts'
import { datagramPair, deserted, streamPair } from './pair.ts'

const UNKNOWN = { nosuchOption: 1 } as ListenOptions

/** Each of a wrong type; a list, as each is tried alone. */
const MISTYPED: readonly Record<string, unknown>[] = [
  { signal: 5 },
  { signal: {} },
  { timeout: '5' },
  { timeout: -1 },
  { timeout: Number.NaN },
  { engine: 'nosuch' },
  { engine: 5 },
  { allowHalfOpen: 'yes' },
  { highWaterMark: 'many' },
  { highWaterMark: -1 },
  { receiveQueue: 'many' },
  { sendQueue: -1 },
]
const MISTYPED_LISTEN: readonly Record<string, unknown>[] = [{ backlog: 'many' }, { maxConnections: 'many' }]

async function pairOf(f: Fixture): Promise<(Endpoint | AnyListener)[]> {
  if (isStream(f.facts)) {
    const { near, far, listener } = await streamPair(f)
    return [near, far, listener]
  }
  const { near, far } = await datagramPair(f)
  return [near, far]
}

/** Options, and what is refused with which code. */
export const options: readonly CaseDefinition[] = [
  {
    name: 'an option that nobody knows is ERR_OPTION_UNKNOWN, and nothing stays open',
    when: always,
    run: async (f) => {
      const unknown = { code: 'ERR_OPTION_UNKNOWN', name: 'SocketError' }
      const address = await deserted(f)
      if (f.facts.connected) {
        await assert.rejects(f.wait('listen', f.listen(UNKNOWN, address)), unknown)
        const listener = await f.listen({}, address)
        await assert.rejects(f.wait('connect', f.connect(addressOf(listener), UNKNOWN)), unknown)
      } else {
        await assert.rejects(f.wait('bind', f.bind(UNKNOWN, address)), unknown)
        const bound = await f.bind({}, address)
        await assert.rejects(f.wait('connect', f.connect(addressOf(bound), UNKNOWN)), unknown)
      }
    },
  },
  {
    name: 'getOption and setOption of an unknown name are ERR_OPTION_UNKNOWN, and the socket lives on',
    when: always,
    run: async (f) => {
      for (const socket of await pairOf(f)) {
        const name = 'nosuchOption' as keyof SocketOptions
        assert.throws(() => socket.getOption(name), { code: 'ERR_OPTION_UNKNOWN' })
        assert.throws(() => socket.setOption(name, 1), { code: 'ERR_OPTION_UNKNOWN' })
      }
    },
  },
  {
    name: 'buffer sizes can be set and read, or are unknown to the scheme',
    when: always,
    run: async (f) => {
      for (const socket of await pairOf(f)) {
        for (const name of ['receiveBuffer', 'sendBuffer'] as const) {
          try {
            socket.setOption(name, 16_384)
            // At least: Linux doubles it, socket(7).
            assert.ok(socket.getOption(name) >= 16_384)
          } catch (error) {
            assert.match(String((error as NodeJS.ErrnoException).code), /^(ERR_OPTION_UNKNOWN|ERR_UNSUPPORTED)$/)
          }
        }
      }
    },
  },
  {
    name: 'an option of the wrong type is a TypeError, one out of range a RangeError, and nothing stays open',
    when: always,
    run: async (f) => {
      const address = await deserted(f)
      for (const mistyped of MISTYPED) {
        const wrong = mistyped as ListenOptions
        const said = JSON.stringify(mistyped)
        await assert.rejects(f.wait(`connect ${said}`, f.connect(address, wrong)), isMisuse, said)
        if (f.facts.connected) await assert.rejects(f.wait(`listen ${said}`, f.listen(wrong, address)), isMisuse, said)
        else await assert.rejects(f.wait(`bind ${said}`, f.bind(wrong, address)), isMisuse, said)
      }
      if (!f.facts.connected) return
      for (const mistyped of MISTYPED_LISTEN) {
        const said = JSON.stringify(mistyped)
        await assert.rejects(f.wait(`listen ${said}`, f.listen(mistyped as ListenOptions, address)), isMisuse, said)
      }
      await f.listen({}, address)
    },
  },
  {
    name: 'highWaterMark is that of the stream, and a listener hands it to what it accepts',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f, { highWaterMark: 1000 }, { highWaterMark: 2000 })
      assert.deepEqual([near.readableHighWaterMark, near.writableHighWaterMark], [1000, 1000])
      assert.deepEqual([far.readableHighWaterMark, far.writableHighWaterMark], [2000, 2000])
      await assertTalk(f, near, far, 'x'.repeat(10_000))
      await assertTalk(f, far, near, 'x'.repeat(10_000))
    },
  },
  {
    name: 'connecting to where nobody is fails with the code, number, call and address of the system’s error',
    when: isConnected,
    run: async (f) => {
      const address = await deserted(f)
      const error = await assertRefused(f, address)
      assert.equal(error.name, 'SocketError')
      assert.ok(typeof error.errno === 'number' && error.errno < 0, `errno is ${error.errno}`)
      assert.equal(typeof error.syscall, 'string')
      assert.equal((error as { address?: unknown }).address, f.sockets.formatAddress(address))
    },
  },
  {
    name: "createConnection to where nobody is: 'error' with the code, then 'close', and no 'connect'",
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const near = f.create(await deserted(f))
      const events: unknown[] = []
      near.on('connect', () => events.push('connect'))
      near.on('error', (error: NodeJS.ErrnoException) => events.push(error.code))
      const closed = new Promise((resolve) => near.once('close', resolve))
      near.write('in vain', () => undefined)
      assert.equal(await f.wait("'close'", closed), true, "'close' says that there was an error")
      assert.equal(events.length, 1)
      assert.match(String(events[0]), /^E[A-Z0-9]+$/)
    },
  },
  {
    name: 'sending to where nobody is harms nothing: a code or silence, and the endpoint lives on',
    when: isConnectionless,
    run: async (f) => {
      const pair = await datagramPair(f)
      const nowhere = await deserted(f)
      for (let i = 0; i < 3; i += 1) {
        const outcome = await f.wait(
          'send',
          pair.near.send('in vain', nowhere).then(
            () => undefined,
            (error: NodeJS.ErrnoException) => error,
          ),
        )
        if (f.facts.reliable) assert.ok(outcome !== undefined, 'a reliable scheme says that it could not deliver')
        if (outcome === undefined) continue
        assert.match(String(outcome.code), /^E[A-Z0-9]+$/)
        assert.ok(typeof outcome.errno === 'number' && outcome.errno < 0)
      }
      await forgetErrors(pair.near)
      const [message] = await deliver(f, pair, [Buffer.from('alive')])
      assert.equal(message?.data.toString(), 'alive')
    },
  },
  {
    name: 'binding an address that is taken is EADDRINUSE, and its owner goes on',
    when: isConnectionless,
    run: async (f) => {
      const pair = await datagramPair(f)
      const second = f.bind({}, addressOf(pair.far))
      await assert.rejects(f.wait('the second bind', second), { code: 'EADDRINUSE', name: 'SocketError' })
      const [message] = await deliver(f, pair, [Buffer.from('undisturbed')])
      assert.equal(message?.data.toString(), 'undisturbed')
    },
  },
  {
    name: 'what the scheme cannot do is ERR_UNSUPPORTED',
    when: always,
    run: async (f) => {
      const address: Address = f.address()
      const unsupported = { code: 'ERR_UNSUPPORTED', name: 'SocketError' }
      if (f.facts.connected) await assert.rejects(f.wait('bind', f.bind({}, address)), unsupported)
      else await assert.rejects(f.wait('listen', f.listen({}, address)), unsupported)
      if (isDatagram(f.facts)) assert.throws(() => f.create(address), unsupported)
    },
  },
]

/** An error of an earlier datagram (ECONNREFUSED) waits for the next receive. */
async function forgetErrors(endpoint: DatagramEndpoint): Promise<void> {
  await endpoint.receive({ timeout: 50 }).catch(() => undefined)
}

/** By the codes of Node's own modules. */
function isMisuse(error: Error & { readonly code?: string }): boolean {
  const isRange = error instanceof RangeError && error.code === 'ERR_OUT_OF_RANGE'
  return isRange || (error instanceof TypeError && /^ERR_INVALID_ARG_(TYPE|VALUE)$/.test(error.code ?? ''))
}
