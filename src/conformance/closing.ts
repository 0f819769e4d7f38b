import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { setImmediate } from '../core/timers.ts'
import { NEVER_ACCEPTED } from './bytes.ts'
import { type CaseDefinition, isConnected, isDatagram, isReliableDatagram, isStream } from './case.ts'
import { type AnyListener, addressOf, asDatagram, type Endpoint, type Fixture } from './fixture.ts'
import { fill, numbered, posting } from './messages.ts'
import { datagramPair, streamPair } from './pair.ts'
import { countEvents, delay, meanwhile, nextEvent, settlesWithin } from './waiting.ts'

const STREAM_EVENTS = ['data', 'end', 'error', 'finish', 'drain', 'timeout', 'connect', 'close']
const DATAGRAM_EVENTS = ['message', 'batch', 'end', 'error', 'drain', 'close']

/** Names of the events that come after 'close' from now on. */
function eventsAfterClose(emitter: EventEmitter, names: readonly string[]): string[] {
  const late: string[] = []
  let closed = false
  for (const name of names) emitter.on(name, () => closed && late.push(name))
  emitter.once('close', () => {
    closed = true
  })
  return late
}

/** Closing while something is in flight: everything that waits comes to an end, and nothing comes afterwards. */
export const closing: readonly CaseDefinition[] = [
  {
    name: 'destroy ends a write that is held up, with an error to its callback',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near } = await streamPair(f)
      const chunk = Buffer.alloc(1024 * 1024)
      const writes: Promise<unknown>[] = []
      do {
        assert.ok(writes.length * chunk.length < NEVER_ACCEPTED, 'no write is ever held up')
        writes.push(new Promise((resolve) => near.write(chunk, resolve)))
      } while (await settlesWithin(writes.at(-1) as Promise<unknown>, 150))
      const closed = nextEvent(near, 'close')
      near.destroy()
      const error = (await f.wait('the callback', writes.at(-1) as Promise<unknown>)) as NodeJS.ErrnoException
      assert.match(String(error?.code), /^(ERR_STREAM_DESTROYED|ERR_SOCKET_CLOSED)$/)
      await f.wait("'close'", closed)
    },
  },
  {
    name: 'destroy ends an iteration that waits for data',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near } = await streamPair(f)
      const iterating = meanwhile(
        (async () => {
          for await (const chunk of near) assert.fail(`nobody sent ${chunk}`)
        })(),
      )
      await delay(20)
      near.destroy()
      await f.wait(
        'the end of the iteration',
        iterating.catch((error: NodeJS.ErrnoException) => assert.equal(error.code, 'ERR_STREAM_PREMATURE_CLOSE')),
      )
    },
  },
  {
    name: "destroy while connecting: 'close', and neither 'connect' nor an error",
    when: isStream,
    run: async (f) => {
      const listener = await f.listen()
      for (let steps = 0; steps < 10; steps += 1) {
        const near = f.create(addressOf(listener))
        const connects = countEvents(near, 'connect')
        const closed = nextEvent(near, 'close')
        for (let i = 0; i < steps && near.connecting; i += 1) await null
        const before = connects.count
        near.destroy()
        await f.wait("'close'", closed)
        assert.equal(connects.count, before, "'connect' came after destroy")
      }
    },
  },
  {
    name: "nothing comes from a stream after its 'close', and that comes once",
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near, far } = await streamPair(f)
      const late = eventsAfterClose(far, STREAM_EVENTS)
      const closes = countEvents(far, 'close')
      let more = true
      near.resume()
      const push = () => {
        if (more && near.writable) near.write(Buffer.alloc(50_000), () => setImmediate(push))
      }
      push()
      await f.wait("'data'", nextEvent(far, 'data'))
      far.destroy()
      far.destroy()
      far.end()
      await delay(100)
      more = false
      assert.deepEqual(late, [])
      assert.equal(closes.count, 1)
    },
  },
  {
    name: "destroy within 'data': no further 'data'",
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near, far } = await streamPair(f)
      const closed = nextEvent(far, 'close')
      let after = 0
      far.on('data', () => {
        if (far.destroyed) after += 1
        far.destroy()
      })
      near.write(Buffer.alloc(1024 * 1024))
      await f.wait("'close'", closed)
      assert.equal(after, 0)
    },
  },
  {
    name: 'close ends what waits to receive: receive() gives undefined, iterations end',
    when: isDatagram,
    run: async (f) => {
      const { far } = await datagramPair(f)
      const receiving = meanwhile(
        Promise.all([far.receive(), far.receive({ timeout: 20_000 }), far[Symbol.asyncIterator]().next()]),
      )
      const batch = meanwhile(far.batches().next())
      await delay(20)
      const closed = far.close()
      const [first, second, third] = await f.wait('what waits', receiving)
      assert.deepEqual([first, second], [undefined, undefined])
      assert.equal((third as IteratorResult<unknown>).done, true)
      assert.equal((await f.wait('the batches', batch)).done, true)
      await f.wait('close()', closed)
    },
  },
  {
    name: 'close ends sends that are held up with ERR_SOCKET_CLOSED, and ready() comes to an end',
    when: isReliableDatagram,
    run: async (f) => {
      const { near, toFar } = await datagramPair(f, { sendQueue: 8 })
      fill(f, near, toFar)
      const sends = numbered(8).map((data) => near.send(data, toFar))
      const codes = Promise.all(sends.map((send) => send.catch((error: NodeJS.ErrnoException) => error.code)))
      const batch = meanwhile(near.sendBatch(numbered(20).map((data) => posting(data, toFar))))
      const ready = meanwhile(near.ready())
      await delay(20)
      await f.wait('close()', near.close())
      const ended = new Set(await f.wait('the sends', codes))
      ended.delete(undefined)
      assert.deepEqual([...ended], ['ERR_SOCKET_CLOSED'])
      const { sent, failed } = await f.wait('sendBatch()', batch)
      assert.equal(sent + failed.length, 20)
      assert.ok(failed.every(({ error }) => (error as NodeJS.ErrnoException).code === 'ERR_SOCKET_CLOSED'))
      assert.ok(await f.wait('ready()', settlesWithin(ready, 2000)), 'ready() waits for ever')
    },
  },
  {
    name: "nothing comes from a datagram endpoint after close() within 'message', and 'close' comes once",
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const late = eventsAfterClose(far, DATAGRAM_EVENTS)
      const closes = countEvents(far, 'close')
      let afterClosing = 0
      far.on('message', () => {
        if (far.closed) afterClosing += 1
        void far.close()
        void far.close()
      })
      const batch = near.sendBatch(numbered(40).map((data) => posting(data, toFar)))
      while (!far.closed) await f.wait("'message'", delay(5))
      // To a socket that is gone: whatever comes of it, it must not come from the far end.
      await f.wait('sendBatch', settlesWithin(batch, 100))
      await delay(50)
      assert.equal(afterClosing, 0, "'message' came after close()")
      assert.deepEqual(late, [])
      assert.equal(closes.count, 1)
    },
  },
  {
    name: 'close ends an accept that waits with ERR_SOCKET_CLOSED',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      const closes = countEvents(listener, 'close')
      const accepting = [listener.accept(), listener.accept({ timeout: 20_000 })]
      const refused = accepting.map((accept) =>
        assert.rejects(accept, { code: 'ERR_SOCKET_CLOSED', name: 'SocketError' }),
      )
      await delay(20)
      await f.wait('close()', Promise.all([listener.close(), listener.close()]))
      await f.wait('accept()', Promise.all(refused))
      await assert.rejects(listener.accept(), { code: 'ERR_SOCKET_CLOSED' })
      await listener.close()
      await delay(20)
      assert.equal(closes.count, 1)
    },
  },
  {
    name: "close within 'connection': no further connection is told of",
    when: isConnected,
    run: async (f) => {
      f.expectErrors()
      const listener = await f.listen()
      let after = 0
      listener.on('connection', (endpoint) => {
        f.track(endpoint)
        if (listener.closed) after += 1
        void listener.close()
      })
      const connecting = Array.from({ length: 5 }, () => f.connect(addressOf(listener)).catch(() => undefined))
      await f.wait('the connections', Promise.all(connecting))
      await delay(50)
      assert.equal(listener.closed, true)
      assert.equal(after, 0)
    },
  },
  {
    name: 'await using closes what leaves its block',
    when: () => true,
    run: async (f) => {
      const opened: (Endpoint | AnyListener)[] = await openOneEach(f)
      for (const one of opened) {
        const closed = nextEvent(one as EventEmitter, 'close')
        await f.wait('Symbol.asyncDispose', one[Symbol.asyncDispose]())
        await f.wait("'close'", closed)
        assert.equal(one.closed, true)
        await f.wait('a second Symbol.asyncDispose', one[Symbol.asyncDispose]())
      }
    },
  },
]

async function openOneEach(f: Fixture): Promise<(Endpoint | AnyListener)[]> {
  if (isStream(f.facts)) {
    const { near, far, listener } = await streamPair(f)
    return [near, far, listener]
  }
  const { near, far } = await datagramPair(f)
  return [asDatagram(near), asDatagram(far)]
}
