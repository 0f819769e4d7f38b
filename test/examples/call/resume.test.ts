import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Listener, listen, memoryLink, type StreamEndpoint } from 'polysocket'
import { describe, expect, test } from 'vitest'
import type { Call } from '../../../examples/call/signalling/call.ts'
import { encodeMessage } from '../../../examples/call/signalling/messages.ts'
import { eventually } from '../../support/resources.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { logOf, media, Place, textsOf } from './callers.ts'
import { Wire } from './wire.ts'

/** A connection that was lost is made again at once: no test has to wait for growing pauses. */
const quick = { connecting: { retry: { minDelay: 20, maxDelay: 100 } } }

function numbers(from: number, to: number, who: string): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${who} ${from + index}`)
}

/** A place behind a wire. */
async function wired(
  options: Parameters<typeof Place.open>[1] = {},
): Promise<AsyncDisposable & { place: Place; wire: Wire }> {
  const directory = await temporaryDirectory()
  const place = await Place.open('unix', options)
  const wire = await Wire.lay(`unix:${directory.file('wire')}`, place.address)
  return {
    place,
    wire,
    [Symbol.asyncDispose]: async () => {
      await wire.mend()
      await place[Symbol.asyncDispose]()
      await wire.cut()
      await directory[Symbol.asyncDispose]()
    },
  }
}

test('a call in which nobody says anything is no silence: pings are answered', async () => {
  // Those of the other side are no sign of life here: it sends none.
  await using place = await Place.open('unix', { pingEvery: 60_000 })
  const [near, far] = await place.connected({ pingEvery: 50 })
  const logs = [logOf(near), logOf(far)]
  await sleep(1000)
  expect(logs).toEqual([[], []])
})

describe('the connection is lost', () => {
  test('for three seconds, with texts both ways before, during and after: all of them, once, in order', async () => {
    await using both = await wired()
    const { place, wire } = both
    const [near, far] = await place.connected(quick, wire.address)
    const [nearTexts, farTexts] = [textsOf(near), textsOf(far)]
    const logs = [logOf(near), logOf(far)]
    const say = (from: number, to: number): void => {
      for (const text of numbers(from, to, 'alice')) near.say(text)
      for (const text of numbers(from, to, 'bob')) far.say(text)
    }
    say(1, 5)
    const lost = Promise.all([once(near, 'lost'), once(far, 'lost')])
    const back = Promise.all([once(near, 'back'), once(far, 'back')])
    await wire.cut()
    await lost
    expect([near.state, far.state]).toEqual(['connected', 'connected'])
    say(6, 10)
    await sleep(3000)
    say(11, 15)
    await wire.mend()
    await back
    say(16, 20)
    await eventually(() => nearTexts.length >= 20 && farTexts.length >= 20)
    expect(farTexts).toEqual(numbers(1, 20, 'alice'))
    expect(nearTexts).toEqual(numbers(1, 20, 'bob'))
    near.hangUp()
    await far.ended
    expect(logs).toEqual([
      ['lost', 'back', 'ended'],
      ['lost', 'back', 'ended'],
    ])
  })

  test('again and again, in the midst of many texts, over memory', async () => {
    await using place = await Place.open('memory')
    const [near, far] = await place.connected(quick)
    const [nearTexts, farTexts] = [textsOf(near), textsOf(far)]
    const link = memoryLink(place.address)
    const cuts: number[] = []
    for (let text = 1; text <= 300; text++) {
      near.say(`alice ${text}`)
      far.say(`bob ${text}`)
      if (text % 50 === 0) cuts.push(link.cut())
      if (text % 5 === 0) await sleep(1)
    }
    expect(cuts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(1)
    await eventually(() => nearTexts.length >= 300 && farTexts.length >= 300, 10_000)
    expect(farTexts).toEqual(numbers(1, 300, 'alice'))
    expect(nearTexts).toEqual(numbers(1, 300, 'bob'))
  })

  test('at any byte, while the call is set up and talked over', async () => {
    for (const cut of [1, 40, 90, 91, 150, 230, 333, 480, 620]) {
      await using place = await Place.open('memory')
      const link = memoryLink(place.address)
      // Each connection carries so many bytes; the next ones more, since each has to say first what has arrived.
      const timer = setInterval(() => (link.faults = { cut: (link.faults.cut ?? cut) + 200 }), 50)
      link.faults = { cut }
      try {
        const [near, far] = await place.connected({ ...quick, patience: 20_000 })
        const texts = textsOf(far)
        for (const text of numbers(1, 5, 'alice')) near.say(text)
        await eventually(() => texts.length >= 5, 10_000)
        expect(texts).toEqual(numbers(1, 5, 'alice'))
        near.hangUp('done')
        expect(await far.ended).toMatchObject({ kind: 'hung up', reason: 'done' })
        // While somebody still listens there: a caller that does not know whether it was heard comes back to ask.
        await near.closed
      } finally {
        clearInterval(timer)
        link.faults = {}
      }
    }
  })

  test('silently: the pings find it out, and the place takes the new connection while the old one looks open', async () => {
    await using both = await wired()
    const { place, wire } = both
    // The far side pings seldom: what it knows of the loss is the new connection.
    const [near, far] = await place.connected({ ...quick, pingEvery: 100, pingsMissing: 3 }, wire.address)
    const farLog = logOf(far)
    const farTexts = textsOf(far)
    const back = once(near, 'back')
    const [why] = await Promise.all([
      once(near, 'lost').then(([words]) => words),
      Promise.resolve().then(() => {
        wire.silence()
        near.say('into the void')
      }),
    ])
    expect(why).toBe('the far side is silent')
    await back
    await eventually(() => farTexts.length > 0)
    expect(farTexts).toEqual(['into the void'])
    expect(farLog).toEqual([])
    expect(wire.count).toBe(2)
    // The far side has dropped the old connection, which nobody told it of.
    await eventually(() => wire.open === 2)
    expect(wire.open).toBe(2)
  })

  test('and the far side is known to be gone: the call ends without waiting for it', async () => {
    await using both = await wired({ patience: 400 })
    const { place, wire } = both
    const [near, far] = await place.connected({ ...quick, patience: 3_600_000 }, wire.address)
    await wire.cut()
    near.abandon('it has crashed')
    expect(await near.ended).toEqual({ kind: 'hung up', reason: 'it has crashed', byUs: true })
    await near.closed
    near.abandon()
    expect(await far.ended).toMatchObject({ kind: 'signalling lost' })
  })

  test('for longer than the patience: the call ends at both ends', async () => {
    await using both = await wired({ patience: 400 })
    const { place, wire } = both
    const [near, far] = await place.connected({ ...quick, patience: 300 }, wire.address)
    await wire.cut()
    const ends = await Promise.all([near.ended, far.ended])
    const end = { kind: 'signalling lost', reason: 'signalling lost', byUs: false }
    expect(ends).toEqual([end, end])
    await Promise.all([near.closed, far.closed])
    expect(() => near.say('too late')).toThrow('say: the call is ended')
    await wire.mend()
    await place.connected(quick, wire.address)
  })

  test('and whoever takes the new ones closes them at once: they are made with pauses, not without end', async () => {
    await using both = await wired({ patience: 2000 })
    const { place, wire } = both
    const [near] = await place.connected({ ...quick, patience: 1500 }, wire.address)
    const log = logOf(near)
    await wire.cut()
    await using rude = (await listen(wire.address)) as Listener<StreamEndpoint>
    let count = 0
    rude.on('connection', (endpoint) => {
      count++
      endpoint.destroy()
    })
    expect(await near.ended).toMatchObject({ kind: 'signalling lost' })
    // What never was there cannot be lost.
    expect(log).toEqual(['lost', 'ended'])
    expect(count).toBeGreaterThanOrEqual(1)
    expect(count).toBeLessThanOrEqual(8)
    await rude.close()
  })

  test('and whoever takes the new ones greets, and closes them then: with pauses as well', async () => {
    await using both = await wired({ patience: 2000 })
    const { place, wire } = both
    const [near] = await place.connected({ ...quick, patience: 3000 }, wire.address)
    const lost = once(near, 'lost')
    await wire.cut()
    await lost
    const reasons = new Set<string>()
    near.on('lost', (why) => reasons.add(why))
    let count = 0
    await using rude = (await listen(wire.address)) as Listener<StreamEndpoint>
    rude.on('connection', (endpoint) => {
      count++
      endpoint.on('error', () => undefined)
      // The invitation has arrived, and nothing else was said.
      const greeting = encodeMessage({ type: 'resume', call: near.invite.call, received: 1 })
      endpoint.once('data', () => endpoint.end(Buffer.concat([greeting, Buffer.of(0, 0)])))
    })
    const start = performance.now()
    await eventually(() => reasons.size > 0)
    await sleep(1500)
    expect(near.state).toBe('connected')
    expect([...reasons]).toEqual(['it was closed inside a frame'])
    // Two without a pause at most: one under way at the start, one in the end.
    expect(count).toBeLessThanOrEqual((performance.now() - start) / 250 + 2)
    near.hangUp()
    // None of the greetings is a word about that.
    await near.closed
    await rude.close()
  })

  test('and whatever was asked for at first, it is tried again for as long as the patience lasts', async () => {
    await using both = await wired()
    const { place, wire } = both
    let retries = 0
    const retry = { attempts: 2, when: () => false, minDelay: 5, maxDelay: 5, onRetry: () => retries++ }
    const [near] = await place.connected({ connecting: { retry } }, wire.address)
    const back = once(near, 'back')
    await wire.cut()
    expect(await eventually(() => retries > 5)).toBe(true)
    await wire.mend()
    await back
  })

  test('and an older one wakes up after the new one: it is closed, and nothing else happens', async () => {
    await using place = await Place.open('unix')
    const [near, far] = await place.connected()
    const logs = [logOf(near), logOf(far)]
    const texts = textsOf(far)
    // In front of it go the acknowledgements of what rang and accepted.
    near.say('there')
    await eventually(() => texts.length === 1)
    await using old = (await connect(place.address)) as StreamEndpoint
    const said: Buffer[] = []
    old.on('data', (chunk: Buffer) => said.push(chunk)).on('error', () => undefined)
    const closed = once(old, 'close')
    old.write(encodeMessage({ type: 'resume', call: near.invite.call, received: 0 }))
    await closed
    expect(Buffer.concat(said).toString()).toContain('message 2 had arrived, and now only 0')
    near.say('and still there')
    await eventually(() => texts.length === 2)
    expect(texts).toEqual(['there', 'and still there'])
    expect(logs).toEqual([[], []])
  })

  test('and the far side knows nothing of the call any more: it ends, with these words', async () => {
    await using both = await wired({ patience: 2000 })
    const { place, wire } = both
    const [near] = await place.connected(quick, wire.address)
    await wire.cut()
    await using another = await Place.open('unix')
    await using detour = await Wire.lay(wire.address, another.address)
    expect(await near.ended).toEqual({ kind: 'protocol error', reason: 'there is no such call here', byUs: false })
    await detour.cut()
  })

  test('and comes back within the patience: once that is over, the call is still on', async () => {
    // Nor does the time for strangers end what is no stranger's any more.
    await using both = await wired({ patience: 2500, greetingTimeout: 2000 })
    const { place, wire } = both
    const [near, far] = await place.connected({ ...quick, patience: 2500 }, wire.address)
    const back = Promise.all([once(near, 'back'), once(far, 'back')])
    await wire.cut()
    await wire.mend()
    await back
    await sleep(2700)
    expect([near.state, far.state]).toEqual(['connected', 'connected'])
  })

  test('while it rings: it is answered meanwhile, and the caller learns of it', async () => {
    await using both = await wired()
    const { place, wire } = both
    const near: Call = place.dial(quick, wire.address)
    const far = await place.rings()
    await once(near, 'ringing')
    await wire.cut()
    far.answer(media)
    const accepted = once(near, 'accepted')
    await wire.mend()
    expect(await accepted).toEqual([media])
  })

  test('and one hangs up meanwhile: the other learns of it when the connection is back', async () => {
    await using both = await wired()
    const { place, wire } = both
    const [near, far] = await place.connected(quick, wire.address)
    const lost = once(near, 'lost')
    await wire.cut()
    await lost
    far.hangUp('had to go')
    await wire.mend()
    expect(await near.ended).toEqual({ kind: 'hung up', reason: 'had to go', byUs: false })
    await far.closed
  })

  test('and more is said than may wait: that is refused, what waits arrives, and hanging up is still possible', async () => {
    await using both = await wired()
    const { place, wire } = both
    const [near, far] = await place.connected({ ...quick, mostWaiting: 1000 }, wire.address)
    const texts = textsOf(far)
    const lost = once(near, 'lost')
    await wire.cut()
    await lost
    near.say('x'.repeat(500))
    expect(() => near.say('y'.repeat(500))).toThrow(RangeError)
    expect(() => near.show('away')).not.toThrow()
    near.hangUp('z'.repeat(500))
    await wire.mend()
    expect(await far.ended).toMatchObject({ reason: 'z'.repeat(500) })
    expect(texts).toEqual(['x'.repeat(500)])
  })

  test('and as much is said as may wait, however much that is: all of it goes over the next connection', async () => {
    await using both = await wired()
    const { place, wire } = both
    const [near, far] = await place.connected({ ...quick, mostWaiting: 16 * 1024 * 1024 }, wire.address)
    const log = logOf(near)
    const texts = textsOf(far)
    const lost = once(near, 'lost')
    await wire.cut()
    await lost
    const long = numbers(1, 120, 'x'.repeat(60_000))
    for (const text of long) near.say(text)
    await wire.mend()
    await eventually(() => texts.length === long.length, 15_000)
    expect(texts).toEqual(long)
    expect(log).toEqual(['lost', 'back'])
  })
})
