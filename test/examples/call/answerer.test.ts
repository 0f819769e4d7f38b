import { once } from 'node:events'
import { join } from 'node:path'
import { connect, type StreamEndpoint } from 'polysocket'
import { describe, expect, test } from 'vitest'
import { type Answerer, startAnswerer } from '../../../examples/call/answerer.ts'
import type { Places } from '../../../examples/call/network/places.ts'
import { dial } from '../../../examples/call/signalling/dial.ts'
import { encodeMessage, type SignallingMessage } from '../../../examples/call/signalling/messages.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary.ts'

const places: Places = {
  signalling: 'tcp://127.0.0.1:0',
  voice: 'udp://127.0.0.1:0',
  video: 'tcp://127.0.0.1:0',
}

async function answerer(folder: string, changed: Partial<Places> = {}): Promise<Answerer> {
  return startAnswerer({ ...places, ...changed }, new Int16Array(160), folder)
}

describe('an answerer', () => {
  test('reports a call that is over before it could be answered', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path)
    const caller = (await connect(there.address)) as StreamEndpoint
    caller.on('error', () => undefined).resume()
    // All at once, so that the end is there before any socket for the media can be.
    const messages: readonly SignallingMessage[] = [
      { type: 'resume', call: 'hasty', received: 0 },
      { type: 'invite', call: 'hasty', from: 'somebody in a hurry', offers: [], number: 1 },
      { type: 'hang-up', reason: 'wrong number', number: 2 },
    ]
    caller.write(Buffer.concat(messages.map(encodeMessage)))
    expect((await there.report).ended).toMatchObject({ kind: 'hung up', byUs: false })
    await there.close()
  })

  test('reports a call in which somebody connected for a film and said nothing', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path)
    const call = dial(there.address, { from: 'a' })
    const [media] = await once(call, 'accepted')
    const silent = (await connect(media.video as string)) as StreamEndpoint
    silent.on('error', () => undefined)
    const texts: string[] = []
    call.on('text', (text) => texts.push(text))
    call.say('still there?')
    await once(call, 'text')
    call.hangUp()
    const report = await there.report
    expect(report.videoProblem).toMatch(/before the header/)
    expect(report.textsSent).toEqual(texts)
    silent.destroy()
    await there.close()
  })

  test('goes on with a call whose film fails, and says why', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path)
    const call = dial(there.address, { from: 'a' })
    const [media] = await once(call, 'accepted')
    const sender = (await connect(media.video as string)) as StreamEndpoint
    sender.on('error', () => undefined)
    const closed = once(sender, 'close')
    sender.resume()
    sender.write(Buffer.alloc(8, 0xff))
    await closed
    call.say('did you see it?')
    expect(await once(call, 'text')).toEqual(['✓ did you see it?'])
    call.hangUp()
    expect(await there.report).toMatchObject({
      videoProblem: expect.stringMatching(/too long/),
      ended: { kind: 'hung up' },
    })
    await there.close()
  })

  test('tells the caller at once why it cannot take the call', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path, { video: `unix:${join(folder.path, 'missing', 'video')}` })
    const call = dial(there.address, { from: 'a' })
    await expect(there.report).rejects.toThrow(/ENOENT/)
    expect(await call.ended).toMatchObject({ kind: 'hung up', reason: expect.stringContaining('ENOENT'), byUs: false })
    await there.close()
  })

  test('hears what is said while it rings, and a text whose tick is too long for a frame', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path)
    const call = dial(there.address, { from: 'a' })
    const longest = 'x'.repeat(65_536 - JSON.stringify({ type: 'text', text: '', number: 2 }).length)
    call.say(longest)
    call.say('short')
    expect(await once(call, 'text')).toEqual(['✓ short'])
    call.hangUp()
    expect(await there.report).toMatchObject({ textsReceived: [longest, 'short'], textsSent: ['✓ short'] })
    await there.close()
  })

  test('takes one call: another is told so', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const there = await answerer(folder.path)
    const first = dial(there.address, { from: 'a' })
    await once(first, 'accepted')
    expect(await dial(there.address, { from: 'b' }).ended).toMatchObject({ kind: 'busy' })
    first.hangUp()
    await there.report
    expect(await dial(there.address, { from: 'c' }).ended).toMatchObject({ kind: 'declined' })
    await there.close()
  })
})
