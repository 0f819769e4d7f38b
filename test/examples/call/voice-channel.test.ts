import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type DatagramEndpoint } from 'polysocket'
import { afterEach, expect, test, vi } from 'vitest'
import { joinVoice, offerVoice } from '../../../examples/call/network/voice-channel.ts'
import { encodeRtp } from '../../../examples/call/voice/rtp.ts'
import { given, scheme } from '../../support/need.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

/** Node's own UDP socket, and what came to it. */
async function somebody(port: number): Promise<{ say(data: Buffer): void; readonly heard: string[] }> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  const heard: string[] = []
  socket.on('message', (data) => heard.push(data.toString()))
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return { say: (data) => socket.send(data), heard }
}

function rtp(words: string): Buffer {
  const payload = Buffer.from(words)
  return encodeRtp({ marker: false, payloadType: 0, sequence: 1, timestamp: 1, ssrc: 1, csrc: [], payload })
}

test('the first who sends RTP is the peer: not who sends something else before, nor who sends RTP later', async () => {
  await using channel = await offerVoice('udp://127.0.0.1:0')
  const got: string[] = []
  channel.onDatagram((datagram) => got.push(datagram.toString('latin1', 12)))
  const port = Number(new URL(channel.address).port)
  const [peer, stray, thief] = [await somebody(port), await somebody(port), await somebody(port)]

  stray.say(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  channel.send(Buffer.from('nobody is there'))
  peer.say(rtp('hello'))
  await vi.waitFor(() => expect(got).toEqual(['hello']), 10_000)
  thief.say(rtp('it is me now'))
  stray.say(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  peer.say(rtp('again'))
  // Loopback keeps the order of what is sent to one socket.
  await vi.waitFor(() => expect(got).toContain('again'), 10_000)
  channel.send(Buffer.from('to you'))
  await vi.waitFor(() => expect(peer.heard).toEqual(['to you']), 10_000)
  expect(got).toEqual(['hello', 'again'])
  expect([...stray.heard, ...thief.heard]).toEqual([])
})

given(scheme('unixpacket'))(
  'over connections: a second one is closed at once, and one that ended makes room',
  async () => {
    await using directory = await temporaryDirectory()
    await using channel = await offerVoice(`unixpacket:${directory.file('voice')}`)
    const got: string[] = []
    channel.onDatagram((datagram) => got.push(datagram.toString()))
    await using first = await joinVoice(channel.address)
    first.send(Buffer.from('hello'))
    await vi.waitFor(() => expect(got).toEqual(['hello']), 10_000)
    await using second = (await connect(channel.address)) as DatagramEndpoint
    expect(await second.receive({ timeout: 10_000 })).toBeUndefined()

    await first.close()
    const heard: string[] = []
    await vi.waitFor(async () => {
      // Until it is known there that the first has gone, the next is closed like the second.
      await using next = await joinVoice(channel.address)
      next.onDatagram((datagram) => heard.push(datagram.toString()))
      next.send(Buffer.from('me again'))
      await vi.waitFor(() => expect(got).toContain('me again'), 1000)
      channel.send(Buffer.from('to you'))
      await vi.waitFor(() => expect(heard).toEqual(['to you']), 1000)
    }, 20_000)
  },
)
