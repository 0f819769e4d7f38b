import assert from 'node:assert/strict'
import { assertSameBytes, pattern } from './bytes.ts'
import { type CaseDefinition, isConnectedDatagram, isConnectionless, isDatagram } from './case.ts'
import { addressOf, asDatagram } from './fixture.ts'
import { assertSameMessages, deliver, numbered, posting, receiveOne } from './messages.ts'
import { datagramPair, socketpair } from './pair.ts'
import { delay, meanwhile, nextEvent } from './waiting.ts'

/** Tried where the facts name no limit. */
const LARGE = 1024 * 1024
const SIZES = [0, 1, 2, 3, 17, 512, 1472, 4096, 9000, 16_384, 65_000]

/** Messages: boundaries, sizes, senders, and the end of a connection. */
export const datagrams: readonly CaseDefinition[] = [
  {
    name: 'one send is one receive, from the empty message to the largest',
    when: isDatagram,
    run: async (f) => {
      const pair = await datagramPair(f)
      const largest = pair.near.facts.maxMessage ?? LARGE
      const sizes = [...SIZES.filter((size) => size < largest), largest - 1, largest]
      const sent = sizes.map((size, i) => pattern(size, i))
      const received = await deliver(f, pair, sent)
      assertSameMessages(f.facts, received, sent)
      for (const { truncated } of received) assert.equal(truncated, false)
    },
  },
  {
    name: 'many messages arrive once each, and in order where that is promised',
    when: isDatagram,
    run: async (f) => {
      const pair = await datagramPair(f)
      const sent = numbered(f.facts.reliable ? 1500 : 150, 64)
      assertSameMessages(f.facts, await deliver(f, pair, sent), sent)
    },
  },
  {
    name: 'an empty message is a message, not the end',
    when: isDatagram,
    run: async (f) => {
      const pair = await datagramPair(f)
      const [empty, next] = await deliver(f, pair, [Buffer.alloc(0), Buffer.from('next')])
      assert.deepEqual([empty?.data.length, next?.data.toString()].sort(), [0, 'next'].sort())
    },
  },
  {
    name: 'a message over the limit is EMSGSIZE, and the endpoint lives on',
    when: (facts) => isDatagram(facts) && facts.maxMessage !== undefined,
    run: async (f) => {
      const pair = await datagramPair(f)
      const tooLarge = Buffer.alloc((pair.near.facts.maxMessage ?? 0) + 1)
      const refused = { code: 'EMSGSIZE', name: 'SocketError' }
      await assert.rejects(f.wait('send', pair.near.send(tooLarge, pair.toFar)), refused)
      assert.throws(() => pair.near.trySend(tooLarge, pair.toFar), refused)
      const [message] = await deliver(f, pair, [Buffer.from('alive')])
      assert.equal(message?.data.toString(), 'alive')
    },
  },
  {
    name: 'messages may be text or any Uint8Array, and go both ways',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar, toNear } = await datagramPair(f)
      await f.wait('send', near.send('héllo', toFar))
      assert.equal((await receiveOne(f, far)).data.toString(), 'héllo')
      await f.wait('send', far.send(new Uint8Array([1, 2, 3]).subarray(1), toNear))
      assert.deepEqual((await receiveOne(f, near)).data, Buffer.of(2, 3))
    },
  },
  {
    name: 'a buffer may be used again once it was sent, and what arrived is the receiver’s own',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const buffer = Buffer.alloc(100, 'a')
      await f.wait('send', near.send(buffer, toFar))
      buffer.fill('b')
      const first = await receiveOne(f, far)
      assertSameBytes(first.data, Buffer.alloc(100, 'a'), 'a buffer that was changed after it was sent')
      await f.wait('send', near.send(buffer, toFar))
      const second = await receiveOne(f, far)
      assertSameBytes(first.data, Buffer.alloc(100, 'a'), 'a message that was kept')
      assertSameBytes(second.data, Buffer.alloc(100, 'b'), 'the message after it')
    },
  },
  {
    name: 'a message tells who sent it, and the sender can be answered',
    when: isConnectionless,
    run: async (f) => {
      const one = await f.bind()
      const other = await f.bind()
      const server = await f.bind()
      for (const client of [one, other]) {
        await f.wait('send', client.send('question', addressOf(server)))
        const { data, from } = await receiveOne(f, server)
        assert.equal(data.toString(), 'question')
        assert.deepEqual(from, addressOf(client))
        assert.ok(from !== undefined)
        await f.wait('send', server.send('answer', from))
        const answer = await receiveOne(f, client)
        assert.equal(answer.data.toString(), 'answer')
        assert.deepEqual(answer.from, addressOf(server))
        await f.wait('send to the address as text', server.send('again', f.sockets.formatAddress(from)))
        assert.equal((await receiveOne(f, client)).data.toString(), 'again')
      }
    },
  },
  {
    name: 'a connected endpoint sends to its peer without being told, and the peer can answer',
    when: isConnectionless,
    run: async (f) => {
      const server = await f.bind()
      const client = asDatagram(await f.connect(addressOf(server), { local: f.address() }))
      assert.deepEqual(client.remote, addressOf(server))
      await f.wait('send', client.send('question'))
      const { data, from } = await receiveOne(f, server)
      assert.equal(data.toString(), 'question')
      assert.deepEqual(from, addressOf(client))
      await f.wait('send', server.send('answer', from))
      assert.equal((await receiveOne(f, client)).data.toString(), 'answer')
    },
  },
  {
    name: 'sending without an address where there is no peer is refused, and the endpoint lives on',
    when: isConnectionless,
    run: async (f) => {
      const pair = await datagramPair(f)
      const codeOf = async () => pair.near.send('to whom?').catch((error: NodeJS.ErrnoException) => error.code)
      // What the kernel says: EDESTADDRREQ for udp(7), ENOTCONN for unix(7).
      assert.match(String(await f.wait('send', codeOf())), /^(EDESTADDRREQ|ENOTCONN|EINVAL)$/)
      const [message] = await deliver(f, pair, [Buffer.from('alive')])
      assert.equal(message?.data.toString(), 'alive')
    },
  },
  {
    name: 'sending to what is no address is refused, and the endpoint lives on',
    when: isConnectionless,
    run: async (f) => {
      const pair = await datagramPair(f)
      await assert.rejects(pair.near.send('x', 'no address'), { code: 'ERR_ADDRESS_INVALID' })
      await assert.rejects(pair.near.send('x', 'nosuchscheme:x'), { code: 'ERR_FAMILY_UNKNOWN' })
      await assert.rejects(pair.near.send('x', 5 as unknown as string), TypeError)
      const { sent, failed } = await f.wait(
        'sendBatch',
        pair.near.sendBatch([{ data: 'x', to: 'no address' }, posting(Buffer.from('alive'), pair.toFar)]),
      )
      assert.deepEqual([sent, failed.map(({ index }) => index)], [1, [0]])
      assert.equal((await receiveOne(f, pair.far)).data.toString(), 'alive')
    },
  },
  {
    name: 'the end of the peer comes after its last message, once and for all; we can still send',
    when: (facts) => isConnectedDatagram(facts) && facts.halfClose,
    run: async (f) => {
      const { near, far } = await datagramPair(f)
      const ended = nextEvent(near, 'end')
      await f.wait('send', far.send('last'))
      await f.wait('send', far.send(''))
      await f.wait('end', far.end())
      assert.equal((await receiveOne(f, near)).data.toString(), 'last')
      assert.equal((await receiveOne(f, near)).data.length, 0, 'an empty message before the end is a message')
      for (let i = 0; i < 2; i += 1) assert.equal(await f.wait('the end', near.receive()), undefined)
      await f.wait("'end'", ended)
      await f.wait('send', near.send('heard'))
      assert.equal((await receiveOne(f, far)).data.toString(), 'heard')
    },
  },
  {
    name: 'a peer that closes is the end of iteration, and the messages before it arrive',
    when: isConnectedDatagram,
    run: async (f) => {
      const { near, far } = await datagramPair(f)
      const sent = numbered(20)
      const iterate = async () => {
        const received: number[] = []
        for await (const { data } of near) received.push(data.readUInt32BE())
        return received
      }
      const iterated = meanwhile(iterate())
      for (const data of sent) await f.wait('send', far.send(data))
      await far.close()
      assert.deepEqual(
        await f.wait('the end of the iteration', iterated),
        sent.map((_, i) => i),
      )
    },
  },
  {
    name: 'several receives wait in line, and messages go to them in turn',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const waiting = meanwhile(Promise.all([1, 2, 3].map(() => receiveOne(f, far))))
      await delay(20)
      const sent = numbered(3)
      for (const data of sent) await f.wait('send', near.send(data, toFar))
      assertSameMessages(f.facts, await waiting, sent)
    },
  },
  {
    name: 'socketpair gives two connected ends, or says that the family has none',
    when: isDatagram,
    run: async (f) => {
      const pair = socketpair(f)
      if (pair === undefined) return
      const [near, far] = pair.map(asDatagram)
      assert.ok(near !== undefined && far !== undefined)
      const sent = numbered(10)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        const received = await deliver(f, { near: from, far: to, toFar: undefined, toNear: undefined }, sent)
        assertSameMessages(f.facts, received, sent)
      }
    },
  },
]
