import { once } from 'node:events'
import { bind, connect, listen, type StreamEndpoint } from 'polysocket'
import { describe, expect, test } from 'vitest'
import { dial } from '../../../examples/call/signalling/dial.ts'
import { answerCalls } from '../../../examples/call/signalling/switchboard.ts'
import { given, scheme } from '../../support/need.ts'
import { eventually, openDescriptors } from '../../support/resources.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { logOf, media, Place, textsOf } from './callers.ts'

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

describe.each(['tcp', 'unix', 'memory'] as const)('over %s', (kind) => {
  test('it rings, is answered, both talk, one hangs up, and nothing stays open', async () => {
    const before = openDescriptors()
    {
      await using place = await Place.open(kind)
      const near = place.dial({ offers: ['voice'] })
      const log = logOf(near)
      const answered = once(near, 'accepted')
      const rang = once(near, 'ringing')
      const far = await place.rings()
      await rang
      expect([near.state, far.state]).toEqual(['alerted', 'ringing'])
      expect(far.invite).toMatchObject({ from: 'alice', offers: ['voice'], call: near.invite.call })
      far.answer(media)
      expect(await answered).toEqual([media])
      expect([near.state, far.state]).toEqual(['connected', 'connected'])

      const [nearTexts, farTexts] = [textsOf(near), textsOf(far)]
      const shown = once(near, 'presence')
      near.say('\u{1f469}‍\u{1f680}')
      near.say('x'.repeat(60_000))
      far.say('\ud800')
      far.show('typing')
      expect(await shown).toEqual(['typing'])
      await eventually(() => farTexts.length === 2)
      expect(nearTexts).toEqual(['\ud800'])
      expect(farTexts).toEqual(['\u{1f469}‍\u{1f680}', 'x'.repeat(60_000)])

      far.hangUp('dinner')
      expect(await near.ended).toEqual({ kind: 'hung up', reason: 'dinner', byUs: false })
      expect(await far.ended).toEqual({ kind: 'hung up', reason: 'dinner', byUs: true })
      await Promise.all([near.closed, far.closed])
      expect(log).toEqual(['ringing', 'accepted', 'ended'])
      expect(place.switchboard.calls).toEqual([])
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('declined, and then called again', async () => {
    await using place = await Place.open(kind)
    const first = place.dial()
    ;(await place.rings()).decline('not now')
    expect(await first.ended).toEqual({ kind: 'declined', reason: 'not now', byUs: false })
    await place.connected()
  })

  test('whoever calls while a call is on is told that it is busy; afterwards the line is free', async () => {
    await using place = await Place.open(kind)
    const [near, far] = await place.connected()
    const second = place.dial({ from: 'bob' })
    expect(await second.ended).toMatchObject({ kind: 'busy', byUs: false })
    await second.closed
    expect([near.state, far.state]).toEqual(['connected', 'connected'])
    near.hangUp()
    await far.ended
    await place.connected()
  })

  test('nobody answers: the caller gives up, and it stops to ring', async () => {
    await using place = await Place.open(kind)
    // Long enough to ring first, on a machine that stands still for a second every now and then.
    const near = place.dial({ noAnswer: 3000 })
    const far = await place.rings()
    expect(await near.ended).toMatchObject({ kind: 'no answer', byUs: true })
    expect(await far.ended).toEqual({ kind: 'hung up', reason: 'no answer', byUs: false })
    expect(() => far.answer(media)).toThrow('answer: the call is ended')
  })

  test('both hang up at once: each ended it, and both connections close', async () => {
    await using place = await Place.open(kind)
    const [near, far] = await place.connected()
    near.hangUp('mine')
    far.hangUp('mine')
    const both = await Promise.all([near.ended, far.ended])
    expect(both).toEqual([
      { kind: 'hung up', reason: 'mine', byUs: true },
      { kind: 'hung up', reason: 'mine', byUs: true },
    ])
    await Promise.all([near.closed, far.closed])
  })

  test.each(['inviting', 'alerted', 'connected'] as const)('the caller hangs up while it is %s', async (state) => {
    await using place = await Place.open(kind)
    const near = place.dial()
    if (state !== 'inviting') await once(near, 'ringing')
    if (state === 'connected') {
      ;(await place.rings()).answer(media)
      await once(near, 'accepted')
    } else if (state === 'alerted') {
      await place.rings()
    }
    expect(near.state).toBe(state)
    near.hangUp('changed my mind')
    near.hangUp('again')
    expect(await near.ended).toEqual({ kind: 'hung up', reason: 'changed my mind', byUs: true })
    await near.closed
    await eventually(() => place.switchboard.calls.length === 0)
    await place.connected()
  })

  test('the place closes with a call on, one that rings, and a stranger that has said nothing', async () => {
    await using place = await Place.open(kind, { mostCalls: 2 })
    const [near] = await place.connected()
    const second = place.dial()
    await once(second, 'ringing')
    await using stranger = (await connect(place.address)) as StreamEndpoint
    const isLeft = once(stranger.resume(), 'end')
    await place.switchboard.close()
    await isLeft
    expect(await near.ended).toEqual({ kind: 'hung up', reason: 'the far side has closed', byUs: false })
    expect(await second.ended).toMatchObject({ kind: 'hung up', byUs: false })
    const late = dial(place.address, { from: 'late' })
    expect(await late.ended).toMatchObject({ kind: 'unreachable' })
  })
})

test('nobody there: unreachable, with the system’s reason, or after the retries that the caller wants', async () => {
  await using directory = await temporaryDirectory()
  const nobody = `unix:${directory.file('nobody')}`
  const call = dial(nobody, { from: 'alice' })
  expect(call.state).toBe('inviting')
  expect(await call.ended).toEqual({
    kind: 'unreachable',
    reason: expect.stringContaining('ENOENT'),
    byUs: false,
  })
  await call.closed
  const retries: unknown[] = []
  const retry = { attempts: 3, minDelay: 5, onRetry: (each: unknown) => retries.push(each) }
  const patient = dial(nobody, { from: 'alice', connecting: { retry } })
  expect(await patient.ended).toMatchObject({ kind: 'unreachable' })
  expect(retries).toHaveLength(2)
})

test('calls that are over leave no timers behind, which would keep the process alive', async () => {
  await using place = await Place.open('memory')
  const before = timers()
  for (let round = 0; round < 20; round++) {
    const [near, far] = await place.connected()
    near.hangUp()
    await Promise.all([near.closed, far.closed])
  }
  // A few come and go with the machinery of the test itself.
  expect(timers()).toBeLessThan(before + 10)
})

test('a signal hangs up: before there is a connection, and in the call', async () => {
  await using place = await Place.open('unix')
  const early = place.dial({ signal: AbortSignal.abort() })
  expect(await early.ended).toEqual({ kind: 'hung up', reason: 'aborted', byUs: true })
  await early.closed
  const controller = new AbortController()
  const [near, far] = await place.connected({ signal: controller.signal })
  controller.abort()
  expect(await far.ended).toEqual({ kind: 'hung up', reason: 'aborted', byUs: false })
  expect(await near.ended).toMatchObject({ byUs: true })
})

given(scheme('unixgram'))('a scheme without streams is refused, by both ends', async () => {
  await using directory = await temporaryDirectory()
  await using _target = await bind(`unixgram:${directory.file('messages')}`)
  const before = openDescriptors()
  const call = dial(`unixgram:${directory.file('messages')}`, { from: 'alice' })
  expect(await call.ended).toMatchObject({ kind: 'unreachable', reason: expect.stringContaining('streams') })
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  await using listener = await listen(`unixpacket:${directory.file('packets')}`)
  expect(() => answerCalls(listener as never, () => undefined)).toThrow(TypeError)
})

test('what is too long is refused where it is said, and the call is as good as before', async () => {
  await using place = await Place.open('memory')
  expect(() => dial(place.address, { from: 'x'.repeat(70_000) })).toThrow(RangeError)
  const [near, far] = await place.connected()
  const texts = textsOf(far)
  expect(() => near.say('x'.repeat(70_000))).toThrow(RangeError)
  expect(() => near.hangUp('x'.repeat(70_000))).toThrow(RangeError)
  expect(() => near.answer(media)).toThrow('answer: the call is connected')
  near.say('still here')
  await once(far, 'text')
  expect(texts).toEqual(['still here'])
})
