import assert from 'node:assert/strict'
import type { StreamEndpoint } from '../core/stream.ts'
import { setImmediate } from '../core/timers.ts'
import { assertSameBytes, pattern, readBytes, readToEnd } from './bytes.ts'
import { type CaseDefinition, isStream } from './case.ts'
import { addressOf } from './fixture.ts'
import { streamPair } from './pair.ts'
import { countEvents, delay, meanwhile, nextEvent } from './waiting.ts'

const halfClosing = (facts: Parameters<typeof isStream>[0]): boolean => isStream(facts) && facts.halfClose

/** How a stream begins, ends, and breaks. */
export const streamEnds: readonly CaseDefinition[] = [
  {
    name: 'createConnection is there at once, tells when it is open, and sends what was written meanwhile',
    when: isStream,
    run: async (f) => {
      const listener = await f.listen()
      const accepted = meanwhile(f.accept(listener))
      const near = f.create(addressOf(listener))
      assert.deepEqual([near.connecting, near.pending, near.readyState], [true, true, 'opening'])
      const events = [countEvents(near, 'connect'), countEvents(near, 'ready')]
      near.write('early')
      near.end(' and ended')
      const far = (await f.wait('accept', accepted)) as StreamEndpoint
      assert.equal((await f.wait('what was written early', readToEnd(far))).toString(), 'early and ended')
      assert.deepEqual([near.connecting, near.pending], [false, false])
      assert.deepEqual(
        events.map(({ count }) => count),
        [1, 1],
        "'connect' and 'ready' come once",
      )
    },
  },
  {
    name: 'end(data) delivers the data, then the end',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const sent = pattern(1024 * 1024, 6)
      const finished = nextEvent(near, 'finish')
      const all = meanwhile(readToEnd(far))
      near.end(sent)
      assertSameBytes(await f.wait('the end', all), sent, 'before the end')
      await f.wait("'finish'", finished)
    },
  },
  {
    name: 'half close: the end that stopped sending still receives',
    when: halfClosing,
    run: async (f) => {
      for (const who of ['near', 'far'] as const) {
        const pair = await streamPair(f, { allowHalfOpen: true }, { allowHalfOpen: true })
        const [first, second] = who === 'near' ? [pair.near, pair.far] : [pair.far, pair.near]
        const got = meanwhile(readToEnd(second))
        first.end('request')
        assert.equal((await f.wait(`the end of ${who}`, got)).toString(), 'request')
        const answer = pattern(200_000, 7)
        const answered = meanwhile(readToEnd(first))
        second.end(answer)
        assertSameBytes(await f.wait('the answer after the end', answered), answer, 'after the half close')
        for (const end of [first, second]) if (!end.closed) await f.wait("'close' of both", nextEvent(end, 'close'))
      }
    },
  },
  {
    name: 'allowHalfOpen: our direction stays open after the peer ended its own',
    when: halfClosing,
    run: async (f) => {
      const { near, far } = await streamPair(f, {}, { allowHalfOpen: true })
      assert.equal(far.allowHalfOpen, true, 'a listener hands it to what it accepts')
      const ended = nextEvent(far, 'end')
      far.resume()
      near.end()
      await f.wait('the end', ended)
      await delay(100)
      assert.equal(far.writable, true)
      far.write('still here')
      assert.equal((await f.wait('bytes after the end', readBytes(near, 10))).toString(), 'still here')
    },
  },
  {
    name: 'without allowHalfOpen the end of the peer ends and closes us',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      assert.equal(far.allowHalfOpen, false)
      const events: string[] = []
      for (const name of ['end', 'finish', 'close']) far.on(name, () => events.push(name))
      const closed = Promise.all([nextEvent(near, 'close'), nextEvent(far, 'close')])
      near.resume()
      far.resume()
      near.end()
      await f.wait("'close' of both ends", closed)
      assert.equal(events[0], 'end')
      assert.equal(events.at(-1), 'close')
    },
  },
  {
    name: "an end that nobody reads for is still noticed: 'end' comes when data is taken later",
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      near.end('late')
      await delay(100)
      assert.equal((await f.wait('data and end', readToEnd(far))).toString(), 'late')
    },
  },
  {
    name: 'a peer that vanishes in the middle of a transfer closes us, with an error or an end',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near, far } = await streamPair(f)
      const failures: unknown[] = []
      const closed = nextEvent(near, 'close')
      near.on('error', (error) => failures.push(error))
      near.resume()
      const chunk = Buffer.alloc(65_536)
      const writing = (async () => {
        while (!near.destroyed && near.writable) {
          // In a turn of its own, as writes that are done at once would keep any timer from firing.
          await new Promise<void>((resolve) => near.write(chunk, () => setImmediate(resolve)))
        }
      })()
      await f.wait('the first bytes', readBytes(far, 256 * 1024))
      far.destroy()
      await f.wait("'close'", closed)
      await f.wait('the callback of the last write', writing)
      for (const error of failures) assert.equal(typeof (error as NodeJS.ErrnoException).code, 'string', String(error))
      assert.ok(failures.length <= 1, 'one error at most')
    },
  },
  {
    name: 'a peer that vanishes while we only listen closes us',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      for (const who of ['near', 'far'] as const) {
        const pair = await streamPair(f)
        const [first, second] = who === 'near' ? [pair.near, pair.far] : [pair.far, pair.near]
        const closed = nextEvent(second, 'close')
        second.resume()
        first.destroy()
        await f.wait(`'close' after ${who} was destroyed`, closed)
      }
    },
  },
  {
    name: 'destroySoon sends what was written before it closes',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const sent = pattern(500_000, 8)
      const all = meanwhile(readToEnd(far))
      const closed = nextEvent(near, 'close')
      near.write(sent)
      near.destroySoon()
      assertSameBytes(await f.wait('everything', all), sent, 'before destroySoon closed it')
      await f.wait("'close'", closed)
    },
  },
  {
    name: 'resetAndDestroy closes both ends',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near, far } = await streamPair(f)
      far.resume()
      const closed = Promise.all([nextEvent(near, 'close'), nextEvent(far, 'close')])
      near.resetAndDestroy()
      await f.wait("'close' of both ends", closed)
    },
  },
  {
    name: "destroy(error) gives that error to 'error', and true to 'close'",
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near } = await streamPair(f)
      const reason = new Error('enough')
      const events: unknown[] = []
      near.on('error', (error) => events.push(error))
      near.on('close', (hadError: boolean) => events.push(hadError))
      const closed = nextEvent(near, 'close')
      near.destroy(reason)
      await f.wait("'close'", closed)
      assert.deepEqual(events, [reason, true])
    },
  },
  {
    name: 'writing after the end or after destroy fails with a code',
    when: isStream,
    run: async (f) => {
      f.expectErrors()
      const { near } = await streamPair(f)
      const { far } = await streamPair(f)
      const write = (end: StreamEndpoint): Promise<unknown> => new Promise((resolve) => end.write('x', resolve))
      near.destroy()
      const destroyed = (await f.wait('the callback', write(near))) as NodeJS.ErrnoException
      assert.match(String(destroyed?.code), /^(ERR_STREAM_DESTROYED|ERR_SOCKET_CLOSED)$/)
      far.end()
      const ended = (await f.wait('the callback', write(far))) as NodeJS.ErrnoException
      assert.equal(ended?.code, 'ERR_STREAM_WRITE_AFTER_END')
    },
  },
]
