import assert from 'node:assert/strict'
import { nextTurn, setImmediate } from '../core/timers.ts'
import { assertSameBytes, NEVER_ACCEPTED, pattern, readBytes, readToEnd, sha256, writeBytes } from './bytes.ts'
import { type CaseDefinition, isStream } from './case.ts'
import { asStream } from './fixture.ts'
import { socketpair, streamPair } from './pair.ts'
import { countEvents, delay, meanwhile, nextEvent, settlesWithin } from './waiting.ts'

const MIB = 1024 * 1024

/** A writer that gets no 'drain' for so long is held up. */
const HELD_UP = 300

/** Bytes: all of them, in order, and no faster than the reader takes them. */
export const streams: readonly CaseDefinition[] = [
  {
    name: 'bytes cross in both directions',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      near.write('question')
      assert.equal((await f.wait('the question', readBytes(far, 8))).toString(), 'question')
      far.write('answer')
      assert.equal((await f.wait('the answer', readBytes(near, 6))).toString(), 'answer')
    },
  },
  {
    name: 'a single byte crosses without company',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.write(Buffer.of(0))
        assert.deepEqual(await f.wait('one byte', readBytes(to, 1)), Buffer.of(0))
      }
    },
  },
  {
    name: 'an empty write is done and is not the end',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const ended = countEvents(far, 'end')
      await f.wait('the callback of an empty write', new Promise((resolve) => near.write(Buffer.alloc(0), resolve)))
      near.write('x')
      assert.equal((await f.wait('the byte after it', readBytes(far, 1))).toString(), 'x')
      assert.equal(ended.count, 0)
    },
  },
  {
    name: '8 MiB in both directions at once arrive whole',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const there = pattern(8 * MIB, 1)
      const back = pattern(8 * MIB, 2)
      const all = Promise.all([
        readBytes(far, there.length),
        readBytes(near, back.length),
        writeBytes(near, there),
        writeBytes(far, back, 50_001),
      ])
      const [gotThere, gotBack] = await f.wait('8 MiB each way', all)
      assert.equal(sha256(gotThere), sha256(there))
      assert.equal(sha256(gotBack), sha256(back))
    },
  },
  {
    name: 'many small writes of one tick arrive in order, whatever their type',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const expected: Buffer[] = []
      for (let i = 0; i < 3000; i += 1) {
        const piece = `${i},é`
        expected.push(Buffer.from(piece))
        if (i % 3 === 0) near.write(piece)
        else if (i % 3 === 1) near.write(Buffer.from(piece))
        else near.write(new Uint8Array(Buffer.from(piece)))
      }
      const whole = Buffer.concat(expected)
      assertSameBytes(await f.wait('all writes', readBytes(far, whole.length)), whole, 'writes of one tick')
    },
  },
  {
    name: 'write callbacks come once each, in the order of the writes',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      far.resume()
      const done: number[] = []
      const writes = Array.from({ length: 200 }, (_, i) => {
        return new Promise<void>((resolve, reject) => {
          near.write(pattern(1 + ((i * 37) % 5000)), (error?: Error | null) => {
            done.push(i)
            if (error) reject(error)
            else resolve()
          })
        })
      })
      await f.wait('the callbacks', Promise.all(writes))
      await nextTurn()
      assert.deepEqual(
        done,
        Array.from({ length: 200 }, (_, i) => i),
      )
    },
  },
  {
    name: 'a buffer may be used again once its write is done, and what arrived is the receiver’s own',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const buffer = Buffer.alloc(1000, 'a')
      await f.wait('the write', new Promise((resolve) => near.write(buffer, resolve)))
      buffer.fill('b')
      const first = await f.wait('the first', readBytes(far, 1000))
      assertSameBytes(first, Buffer.alloc(1000, 'a'), 'a buffer that was changed after its write')
      near.write(buffer)
      await f.wait('the second', readBytes(far, 1000))
      assertSameBytes(first, Buffer.alloc(1000, 'a'), 'a chunk that was kept')
    },
  },
  {
    name: 'a reader that does not read holds up the writer, and lets it go on',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const chunk = Buffer.alloc(65_536, 7)
      let accepted = 0
      for (let held = false; !held; ) {
        assert.ok(
          accepted < NEVER_ACCEPTED,
          `${accepted} bytes were accepted that nobody read: there is no backpressure`,
        )
        accepted += chunk.length
        if (near.write(chunk)) continue
        assert.ok(near.writableNeedDrain, 'write() returned false, but there will be no drain')
        held = !(await settlesWithin(nextEvent(near, 'drain'), HELD_UP))
      }
      assert.ok(
        near.writableLength <= near.writableHighWaterMark + chunk.length,
        `${near.writableLength} bytes wait to be sent`,
      )
      assert.ok(far.readableLength <= far.readableHighWaterMark + MIB, `${far.readableLength} bytes wait to be read`)
      const drained = nextEvent(near, 'drain')
      const all = await f.wait('everything that was accepted', readBytes(far, accepted))
      assert.ok(all.every((byte) => byte === 7))
      await f.wait("'drain' once the reader has read", drained)
    },
  },
  {
    name: 'pause and resume lose nothing',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const sent = pattern(MIB, 3)
      const chunks: Buffer[] = []
      let total = 0
      let whilePaused = 0
      const complete = new Promise<void>((resolve) => {
        far.on('data', (chunk: Buffer) => {
          if (far.isPaused()) whilePaused += 1
          chunks.push(chunk)
          total += chunk.length
          far.pause()
          if (total >= sent.length) resolve()
          else setImmediate(() => far.resume())
        })
      })
      await f.wait('all bytes', Promise.all([complete, writeBytes(near, sent)]))
      assertSameBytes(Buffer.concat(chunks), sent, 'with a pause after each chunk')
      assert.equal(whilePaused, 0, "'data' came while paused")
    },
  },
  {
    name: 'async iteration yields every byte up to the end',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const sent = pattern(300_000, 4)
      near.end(sent)
      const iterate = async () => {
        const chunks: Buffer[] = []
        for await (const chunk of far) chunks.push(chunk as Buffer)
        return Buffer.concat(chunks)
      }
      assertSameBytes(await f.wait('the end of the iteration', iterate()), sent, 'iterated')
    },
  },
  {
    name: 'pipe carries everything, there and back',
    when: (facts) => isStream(facts) && facts.halfClose,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      far.pipe(far)
      const sent = pattern(MIB, 5)
      const echoed = meanwhile(readToEnd(near))
      near.end(sent)
      assertSameBytes(await f.wait('the echo', echoed), sent, 'echoed')
    },
  },
  {
    name: 'bytesRead and bytesWritten count the bytes',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const counts = () => [near.bytesWritten, near.bytesRead, far.bytesWritten, far.bytesRead]
      assert.deepEqual(counts(), [0, 0, 0, 0])
      await writeBytes(near, pattern(100_000))
      await f.wait('what near wrote', readBytes(far, 100_000))
      far.write('12345')
      await f.wait('what far wrote', readBytes(near, 5))
      assert.deepEqual(counts(), [100_000, 5, 5, 100_000])
    },
  },
  {
    name: 'setTimeout tells of idleness and leaves the stream open',
    when: isStream,
    run: async (f) => {
      const { near, far } = await streamPair(f)
      const idle = nextEvent(near, 'timeout')
      assert.equal(near.setTimeout(100), near)
      assert.equal(near.timeout, 100)
      await f.wait("'timeout'", idle)
      assert.equal(near.destroyed, false)
      near.setTimeout(0)
      const late = countEvents(near, 'timeout')
      near.write('still open')
      assert.equal((await f.wait('bytes after it', readBytes(far, 10))).toString(), 'still open')
      await delay(250)
      assert.equal(late.count, 0, 'it was switched off')
    },
  },
  {
    name: 'socketpair gives two connected ends, or says that the family has none',
    when: isStream,
    run: async (f) => {
      const pair = socketpair(f)
      if (pair === undefined) return
      const [a, b] = pair.map(asStream)
      assert.ok(a !== undefined && b !== undefined)
      a.write('over')
      assert.equal((await f.wait('a to b', readBytes(b, 4))).toString(), 'over')
      b.end('and back')
      assert.equal((await f.wait('b to a', readToEnd(a))).toString(), 'and back')
    },
  },
]
