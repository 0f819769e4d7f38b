import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import type { AnyHandle, DatagramHandle, ListenerHandle, Message, StreamHandle } from '../core/family.ts'
import type { OpenRequest } from '../core/options.ts'
import { setImmediate, setTimeout } from '../core/timers.ts'
import { assertSameBytes, NEVER_ACCEPTED, pattern } from './bytes.ts'
import { type CaseDefinition, isConnected, isConnectionless, isDatagram, isStream } from './case.ts'
import type { Fixture } from './fixture.ts'
import { numbered } from './messages.ts'
import { delay, meanwhile } from './waiting.ts'

/*
 * The family without endpoints above it: what core/family.ts asks of handles, also where an endpoint would hide that a
 * handle does not keep to it.
 */

function request(f: Fixture): OpenRequest<Address> {
  return { signal: undefined, engine: f.engine, local: undefined, options: {} }
}

function owned<T extends AnyHandle | ListenerHandle>(f: Fixture, handle: T): T {
  f.after(() => handle.close())
  return handle
}

async function listenRaw(f: Fixture): Promise<ListenerHandle> {
  assert.ok(f.family.listen !== undefined, 'the facts say connected, but the family has no listen')
  return owned(f, await f.wait('listen', f.family.listen(f.address(), { ...request(f), backlog: 16 })))
}

async function connectRaw(f: Fixture, address: Address | undefined): Promise<AnyHandle> {
  assert.ok(address !== undefined && f.family.connect !== undefined)
  return owned(f, await f.wait('connect', f.family.connect(address, request(f))))
}

async function rawPair(f: Fixture): Promise<[near: AnyHandle, far: AnyHandle]> {
  const listener = await listenRaw(f)
  const accepted = new Promise<AnyHandle>((resolve, reject) => {
    listener.start({ onAccept: (handle) => resolve(owned(f, handle)), onError: reject })
  })
  listener.resume()
  return Promise.all([connectRaw(f, listener.local), f.wait('accept', accepted)])
}

async function rawStreams(f: Fixture): Promise<[near: StreamHandle, far: StreamHandle]> {
  const [near, far] = await rawPair(f)
  assert.ok(near.type === 'stream' && far.type === 'stream', "the facts say stream, the handle's type does not")
  return [near, far]
}

async function rawDatagrams(f: Fixture): Promise<{ near: DatagramHandle; far: DatagramHandle; target: unknown }> {
  if (f.facts.connected) {
    const [near, far] = await rawPair(f)
    assert.ok(near.type === 'datagram' && far.type === 'datagram', "the facts say datagram, the handle's type does not")
    return { near, far, target: undefined }
  }
  assert.ok(f.family.bind !== undefined, 'the facts say not connected, but the family has no bind')
  const near = owned(f, await f.wait('bind', f.family.bind(f.address(), request(f))))
  const far = owned(f, await f.wait('bind', f.family.bind(f.address(), request(f))))
  assert.ok(far.local !== undefined)
  return { near, far, target: await near.target(far.local) }
}

const silent = { onData: () => undefined, onEnd: () => undefined, onError: () => undefined }
const deaf = {
  onMessages: () => undefined,
  onWritable: () => undefined,
  onEnd: () => undefined,
  onError: () => undefined,
}

function sendAll(f: Fixture, near: DatagramHandle, target: unknown, datas: readonly Buffer[]): Promise<void> {
  const messages = datas.map((data) => ({ data, target }))
  let at = 0
  return f.wait(
    'room to send',
    new Promise((resolve) => {
      const go = () => {
        while (at < messages.length) {
          const taken = near.send(messages, at)
          assert.ok(Number.isInteger(taken) && taken >= 0 && taken <= messages.length - at, `send() returned ${taken}`)
          if (taken === 0) return
          at += taken
        }
        resolve()
      }
      near.start({ ...deaf, onWritable: go })
      go()
    }),
  )
}

export const handles: readonly CaseDefinition[] = [
  {
    name: 'a stream handle is quiet until resume, and pause takes effect at once',
    when: isStream,
    run: async (f) => {
      const [near, far] = await rawStreams(f)
      const sent = pattern(400_000, 9)
      const chunks: Buffer[] = []
      let total = 0
      let open = false
      let unasked = 0
      const complete = new Promise<void>((resolve, reject) => {
        far.start({
          onData: (chunk) => {
            if (!open) unasked += 1
            open = false
            far.pause()
            chunks.push(chunk)
            total += chunk.length
            if (total >= sent.length) resolve()
            else setImmediate(resume)
          },
          onEnd: () => reject(new Error('an end that nobody asked for')),
          onError: reject,
        })
        const resume = () => {
          open = true
          far.resume()
        }
        near.start(silent)
        near.write([sent], (error) => error && reject(error))
        setTimeout(resume, 50)
      })
      await f.wait('all bytes', complete)
      assert.equal(unasked, 0, 'onData came before resume, or after pause')
      assertSameBytes(Buffer.concat(chunks), sent, 'with a pause after each chunk')
    },
  },
  {
    name: 'a stream handle gives every write back once, in order, and onEnd once after the data',
    when: isStream,
    run: async (f) => {
      const [near, far] = await rawStreams(f)
      const events: string[] = []
      let bytes = 0
      const over = new Promise<void>((resolve, reject) => {
        far.start({
          onData: (chunk) => {
            bytes += chunk.length
            if (events.includes('end')) events.push('data after the end')
          },
          onEnd: () => {
            events.push('end')
            setTimeout(resolve, 50)
          },
          onError: reject,
        })
      })
      far.resume()
      near.start(silent)
      const write = (chunks: Buffer[]) =>
        new Promise<void>((resolve, reject) => {
          near.write(chunks, (error) => {
            events.push('done')
            if (error === null) resolve()
            else reject(error)
          })
        })
      await f.wait('a write', write([Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')]))
      await f.wait('an empty write', write([Buffer.alloc(0)]))
      await f.wait('a write of 2000 pieces', write(Array.from({ length: 2000 }, () => Buffer.alloc(7))))
      await f.wait(
        'end',
        new Promise<void>((resolve, reject) => near.end((error) => (error ? reject(error) : resolve()))),
      )
      await f.wait('onEnd', over)
      assert.equal(bytes, 2 + 2000 * 7)
      assert.deepEqual(events, ['done', 'done', 'done', 'end'])
    },
  },
  {
    name: 'a stream handle that was closed calls nothing any more, and gives a pending write back',
    when: isStream,
    run: async (f) => {
      const [near, far] = await rawStreams(f)
      const calls: string[] = []
      const note = (name: string) => () => calls.push(name)
      near.start({ onData: note('onData'), onEnd: note('onEnd'), onError: note('onError') })
      far.start(silent)
      near.resume()
      far.write([Buffer.alloc(200_000)], () => undefined)
      const outcomes: (string | undefined)[] = []
      near.write([Buffer.alloc(NEVER_ACCEPTED)], (error) =>
        outcomes.push((error as NodeJS.ErrnoException | null)?.code),
      )
      await delay(30)
      near.close()
      calls.length = 0
      near.close()
      assert.equal(near.fd, undefined, 'a closed handle has no descriptor')
      await delay(100)
      assert.deepEqual(outcomes, ['ERR_SOCKET_CLOSED'], 'a pending write is given back once')
      assert.deepEqual(calls, [], 'something was called after close')
    },
  },
  {
    name: 'a datagram handle is quiet until resume, and pause takes effect at once',
    when: isDatagram,
    run: async (f) => {
      const { near, far, target } = await rawDatagrams(f)
      const received: Message[] = []
      let open = false
      let unasked = 0
      far.start({
        ...deaf,
        onMessages: (batch) => {
          if (!open) unasked += 1
          open = false
          far.pause()
          received.push(...batch)
        },
      })
      const resume = () => {
        open = true
        far.resume()
      }
      const datas = numbered(40)
      const sending = meanwhile(sendAll(f, near, target, datas))
      await delay(50)
      assert.equal(received.length, 0, 'messages came before resume')
      while (received.length < datas.length) {
        resume()
        await f.wait(`messages (${received.length} came)`, delay(5))
      }
      await sending
      assert.equal(unasked, 0, 'messages came after pause')
    },
  },
  {
    name: 'a datagram handle that was closed calls nothing any more',
    when: isDatagram,
    run: async (f) => {
      const { near, far, target } = await rawDatagrams(f)
      let calls = 0
      const note = () => {
        calls += 1
      }
      far.start({ onMessages: note, onWritable: note, onEnd: note, onError: note })
      far.resume()
      await sendAll(f, near, target, numbered(5))
      far.close()
      calls = 0
      far.close()
      assert.equal(far.fd, undefined, 'a closed handle has no descriptor')
      await delay(100)
      assert.equal(calls, 0, 'something was called after close')
    },
  },
  {
    name: 'a listener handle is quiet until resume, and pause within onAccept takes effect at once',
    when: isConnected,
    run: async (f) => {
      const listener = await listenRaw(f)
      let accepted = 0
      listener.start({
        onAccept: (handle) => {
          accepted += 1
          listener.pause()
          owned(f, handle)
        },
        onError: (error) => assert.fail(error),
      })
      const connecting = meanwhile(Promise.all([1, 2, 3].map(() => connectRaw(f, listener.local))))
      await delay(50)
      assert.equal(accepted, 0, 'a connection came before resume')
      for (const expected of [1, 2, 3]) {
        listener.resume()
        while (accepted < expected) await f.wait(`connection ${expected}`, delay(5))
        await delay(20)
        assert.equal(accepted, expected, 'a connection came after pause')
      }
      await f.wait('connect', connecting)
      listener.close()
      listener.close()
      assert.equal(listener.fd, undefined, 'a closed handle has no descriptor')
    },
  },
  {
    name: 'a handle tells the facts of its scheme',
    when: (facts) => isConnected(facts) || isConnectionless(facts),
    run: async (f) => {
      const [handle] = f.facts.connected ? await rawPair(f) : [(await rawDatagrams(f)).near]
      const { kind, connected, reliable, ordered, boundaries } = handle.facts
      const expected = f.facts
      assert.deepEqual(
        [kind, connected, reliable, ordered, boundaries],
        [expected.kind, expected.connected, expected.reliable, expected.ordered, expected.boundaries],
      )
      assert.equal(handle.type, kind)
      assert.equal(boundaries, kind === 'datagram', 'messages have boundaries, streams have none')
    },
  },
]
