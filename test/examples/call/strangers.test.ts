import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect, type Listener, listen, type StreamEndpoint } from 'polysocket'
import { describe, expect } from 'vitest'
import { dial } from '../../../examples/call/signalling/dial.ts'
import { FrameReader } from '../../../examples/call/signalling/frames.ts'
import { encodeMessage, parseMessage, type SignallingMessage } from '../../../examples/call/signalling/messages.ts'
import { MiB } from '../../support/bytes.ts'
import { Child } from '../../support/child.ts'
import { given, python } from '../../support/need.ts'
import { eventually } from '../../support/resources.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { logOf, media, Place, textsOf } from './callers.ts'

const test = given(python)

type Report = 'listening' | 'closed' | { type: string; [field: string]: unknown }

/** A process of Python's: what it sends, and what it reports. */
function stranger(plan: { call?: string; answer?: string; send: readonly (object | string | number)[] }): Child {
  return new Child('python3', ['-u', fileURLToPath(new URL('stranger.py', import.meta.url)), JSON.stringify(plan)])
}

async function reports(child: Child): Promise<Report[]> {
  const all: Report[] = []
  for (;;) {
    const report = await child.report<Report>()
    all.push(report)
    if (report === 'closed') return all
  }
}

function pathOf(place: Place): string {
  return place.address.replace('unix:', '')
}

const resume = { type: 'resume', call: 'from-python', received: 0 }
const invite = { type: 'invite', number: 1, call: 'from-python', from: 'guido', offers: ['voice'] }
const answered = { type: 'resume', call: 'from-python', received: 0 }

describe('Python calls', () => {
  test('it is a call like any other: text (sent twice, told once), ring, accept, hang up', async () => {
    await using place = await Place.open('unix')
    const text = { type: 'text', number: 2, text: 'héllo \u{1f40d}' }
    const hangUp = { type: 'hang-up', number: 3, reason: 'bye' }
    await using child = stranger({
      call: pathOf(place),
      send: [resume, invite, text, text, { wait: 'accept' }, hangUp],
    })
    const far = await place.rings()
    const texts = textsOf(far)
    await eventually(() => texts.length > 0)
    expect(texts).toEqual(['héllo \u{1f40d}'])
    far.answer(media)
    expect(await far.ended).toEqual({ kind: 'hung up', reason: 'bye', byUs: false })
    expect(await reports(child)).toEqual([
      answered,
      { type: 'ack', received: 1 },
      { type: 'ringing', number: 1 },
      { type: 'ack', received: 2 },
      { type: 'ack', received: 2 },
      { type: 'accept', number: 2, media },
      { type: 'ack', received: 3 },
      'closed',
    ])
  })

  test('it hung up and comes back, not knowing that this arrived: it does not ring again', async () => {
    await using place = await Place.open('unix')
    const plan = { call: pathOf(place), send: [resume, invite, { type: 'hang-up', number: 2, reason: 'bye' }] }
    await using first = stranger(plan)
    const far = await place.rings()
    expect(await far.ended).toMatchObject({ kind: 'hung up', byUs: false })
    await reports(first)
    await far.closed
    await using second = stranger(plan)
    expect(await reports(second)).toEqual([{ type: 'error', reason: 'there is no such call here' }, 'closed'])
    await place.connected()
  })

  test('its process is killed: the call is lost, and ends when the patience is over', async () => {
    await using place = await Place.open('unix', { patience: 300 })
    await using child = stranger({ call: pathOf(place), send: [resume, invite] })
    const far = await place.rings()
    const log = logOf(far)
    far.answer(media)
    child.kill()
    expect(await far.ended).toMatchObject({ kind: 'signalling lost' })
    expect(log).toEqual(['lost', 'ended'])
  })
})

describe('Python sends what cannot be, while a call is on', () => {
  const text = (number: number) => ({ type: 'text', number, text: 'x' })
  const cases: readonly [string, readonly (object | string | number)[], string][] = [
    ['an empty frame', ['00000000'], 'a frame is empty'],
    ['an oversized frame', ['7fffffff'], 'a frame of 2147483647 bytes is announced, and 65536 is the most'],
    ['HTTP', [Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex')], 'a frame of 1195725856 bytes is announced'],
    ['what is not JSON', ['000000037b7b7b'], 'a message is not JSON'],
    ['what is not UTF-8', ['00000001ff'], 'a message is not UTF-8'],
    ['an unknown type', [{ type: 'dance' }], 'no message is of the type "dance"'],
    ['no resume first', [invite], 'a connection begins with resume, not with invite'],
    ['a call that nobody knows', [{ ...resume, received: 3 }], 'there is no such call here'],
    ['a text before the invitation', [resume, text(1)], 'a call begins with its invitation, not with text'],
    ['another call’s invitation', [resume, { ...invite, call: 'other' }], 'a call begins with its invitation'],
    ['a number too far', [resume, invite, text(3)], 'message 3 has come, and 2 is missing'],
    [
      'an acknowledgement of nothing',
      [resume, { type: 'ack', received: 9 }],
      'message 9 is confirmed and was never sent',
    ],
    ['resume twice', [resume, resume], 'resume has come a second time'],
    ['much after a malformed message', ['00000001ff', 300_000], 'a message is not UTF-8'],
  ]
  for (const [name, send, words] of cases) {
    test(`${name}: it is told why, the connection is closed, the call goes on`, async () => {
      await using place = await Place.open('unix', { mostCalls: 2 })
      const [near, far] = await place.connected()
      const log = logOf(near)
      await using child = stranger({ call: pathOf(place), send })
      const said = await reports(child)
      expect(said.at(-1)).toBe('closed')
      expect(said.at(-2)).toEqual({ type: 'error', reason: expect.stringContaining(words) })
      const texts = textsOf(far)
      near.say('undisturbed')
      await eventually(() => texts.length > 0)
      expect(texts).toEqual(['undisturbed'])
      expect(log).toEqual([])
    })
  }

  test('in the call itself: it ends at once, and says that it was us who did not understand', async () => {
    await using place = await Place.open('unix')
    await using child = stranger({ call: pathOf(place), send: [resume, invite, { wait: 'ringing' }, '00010001'] })
    const far = await place.rings()
    const reason = 'a frame of 65537 bytes is announced, and 65536 is the most'
    expect(await far.ended).toEqual({ kind: 'protocol error', reason, byUs: true })
    expect((await reports(child)).slice(-2)).toEqual([{ type: 'error', reason }, 'closed'])
    await far.closed
    await place.connected()
  })

  test('what does not fit the state of the call: accept from the one who calls', async () => {
    await using place = await Place.open('unix')
    const accept = { type: 'accept', number: 2, media }
    await using child = stranger({ call: pathOf(place), send: [resume, invite, { wait: 'ringing' }, accept] })
    const far = await place.rings()
    const reason = 'accept has come, and the call is ringing'
    expect(await far.ended).toEqual({ kind: 'protocol error', reason, byUs: true })
    expect((await reports(child)).slice(-2)).toEqual([{ type: 'error', reason }, 'closed'])
  })

  test('nothing at all, or only that there is a call: it is closed after a while', async () => {
    await using place = await Place.open('unix', { greetingTimeout: 2000 })
    await using silent = stranger({ call: pathOf(place), send: [] })
    expect(await reports(silent)).toEqual([{ type: 'error', reason: 'nothing was said for too long' }, 'closed'])
    await using shy = stranger({ call: pathOf(place), send: [resume] })
    const reason = 'no invitation has come for too long'
    expect(await reports(shy)).toEqual([answered, { type: 'error', reason }, 'closed'])
  })

  test('a place that closes says so to those who have said nothing yet', async () => {
    await using place = await Place.open('unix')
    await using endpoint = (await connect(place.address)) as StreamEndpoint
    const said: Buffer[] = []
    endpoint.on('data', (chunk: Buffer) => said.push(chunk))
    const ended = once(endpoint, 'end')
    await place.connected()
    await place.switchboard.close()
    await ended
    expect(Buffer.concat(said).toString()).toContain('nobody answers here any more')
  })
})

test('whoever writes without end, and reads no answer, is given up, and the call lost', async () => {
  await using place = await Place.open('unix', { patience: 300 })
  await using rude = (await connect(place.address)) as StreamEndpoint
  rude.on('error', () => undefined)
  rude.write(Buffer.concat([resume, invite].map((message) => encodeMessage(message as SignallingMessage))))
  const far = await place.rings()
  const log = logOf(far)
  let why: string | undefined
  far.once('lost', (words) => (why = words))
  // Sent again and again, it is acknowledged again and again.
  const many = Buffer.concat(Array.from({ length: 1000 }, () => encodeMessage({ type: 'text', number: 2, text: '' })))
  while (why === undefined) {
    if (rude.writableLength === 0) rude.write(many)
    await sleep(1)
  }
  expect(why).toBe('the far side does not read')
  // Far more than a connection holds, and far less than was sent.
  expect(rude.bytesWritten).toBeGreaterThan(MiB)
  expect(rude.bytesWritten).toBeLessThan(32 * MiB)
  expect(await far.ended).toMatchObject({ kind: 'signalling lost' })
  expect(log).toEqual(['lost', 'ended'])
})

/** Somebody who answers a first connection with these messages, then says nothing, and leaves it open. */
async function mute(address: string, answers: readonly SignallingMessage[]): Promise<Listener & { heard: string[] }> {
  const listener = await listen(address, { allowHalfOpen: true })
  const heard: string[] = []
  listener.once('connection', (connection) => {
    const endpoint = connection as StreamEndpoint
    const reader = new FrameReader()
    endpoint.on('error', () => undefined)
    endpoint.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        const message = parseMessage(frame)
        heard.push(message.type)
        if (message.type !== 'resume') continue
        for (const answer of [{ ...message, received: 0 }, ...answers]) endpoint.write(encodeMessage(answer))
      }
    })
  })
  return Object.assign(listener, { heard })
}

test('a far side that falls silent is lost after as many pings as were asked for', async () => {
  await using directory = await temporaryDirectory()
  await using far = await mute(`unix:${directory.file('mute')}`, [])
  const near = dial(`unix:${directory.file('mute')}`, { from: 'alice', pingEvery: 50, pingsMissing: 3, patience: 300 })
  expect(await once(near, 'lost')).toEqual(['the far side is silent'])
  // The invitation follows what it said last.
  expect(far.heard.slice(far.heard.indexOf('invite'))).toEqual(['invite', 'ping', 'ping', 'ping'])
  near.hangUp()
  await near.closed
})

test('a far side that does not close when it is told of an error is left after a while', async () => {
  await using directory = await temporaryDirectory()
  await using far = await mute(`unix:${directory.file('mute')}`, [{ type: 'busy', number: 7 }])
  const near = dial(`unix:${directory.file('mute')}`, { from: 'alice' })
  expect(await near.ended).toMatchObject({ kind: 'protocol error', byUs: true })
  await near.closed
  expect(far.heard.at(-1)).toBe('error')
})

test('a far side that acknowledges nothing is told of the end, and waited for as long as the patience lasts', async () => {
  await using directory = await temporaryDirectory()
  await using far = await mute(`unix:${directory.file('mute')}`, [])
  const near = dial(`unix:${directory.file('mute')}`, { from: 'alice', pingEvery: 60_000, patience: 500 })
  await eventually(() => far.heard.includes('invite'))
  near.hangUp()
  await near.closed
  expect(far.heard).toEqual(['resume', 'invite', 'hang-up'])
})

describe('Python is called', () => {
  const ringing = { type: 'ringing', number: 1 }
  const accept = { type: 'accept', number: 2, media }
  const ack = { type: 'ack', received: 1 }

  test('it rings and accepts; then its process is killed: lost, and the end when the patience is over', async () => {
    await using directory = await temporaryDirectory()
    await using child = stranger({ answer: directory.file('python'), send: [ringing, accept] })
    expect(await child.report()).toBe('listening')
    const near = dial(`unix:${directory.file('python')}`, { from: 'alice', patience: 500 })
    const log = logOf(near)
    await once(near, 'accepted')
    child.kill()
    expect(await near.ended).toMatchObject({ kind: 'signalling lost' })
    expect(log).toEqual(['ringing', 'accepted', 'lost', 'ended'])
    await near.closed
  })

  for (const [name, send, reason] of [
    ['an oversized frame', ['ffffffff'], 'a frame of 4294967295 bytes is announced, and 65536 is the most'],
    ['a malformed message', ['000000025b5d'], 'a message is not an object with a type'],
    ['an invitation', [{ ...invite, number: 1 }], 'invite has come, and the call is inviting'],
  ] as const) {
    test(`it sends ${name}: the call ends, and it is told why`, async () => {
      await using directory = await temporaryDirectory()
      await using child = stranger({ answer: directory.file('python'), send })
      expect(await child.report()).toBe('listening')
      const near = dial(`unix:${directory.file('python')}`, { from: 'alice' })
      expect(await near.ended).toEqual({ kind: 'protocol error', reason, byUs: true })
      expect((await reports(child)).slice(-2)).toEqual([{ type: 'error', reason }, 'closed'])
    })
  }

  test('it sends an error: the call ends with its reason', async () => {
    await using directory = await temporaryDirectory()
    const send = [ack, { type: 'error', reason: 'I do not like you' }]
    await using child = stranger({ answer: directory.file('python'), send })
    expect(await child.report()).toBe('listening')
    const near = dial(`unix:${directory.file('python')}`, { from: 'alice' })
    expect(await near.ended).toEqual({ kind: 'protocol error', reason: 'I do not like you', byUs: false })
    await near.closed
  })
})
