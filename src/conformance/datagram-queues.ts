import assert from 'node:assert/strict'
import type { AddressInput } from '../core/address.ts'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { Message } from '../core/family.ts'
import { type CaseDefinition, isDatagram, isReliableDatagram, isUnreliableDatagram } from './case.ts'
import { assertSameMessages, assertSubset, fill, numbered, posting, receiveMany, receiveOne } from './messages.ts'
import { datagramPair } from './pair.ts'
import { countEvents, delay, meanwhile, nextEvent, settlesWithin } from './waiting.ts'

/** More than any one sendmmsg(2) takes here, and more than Linux queues at a Unix datagram socket. */
const LARGE_BATCH = 500
/** Few and small enough for any socket buffer, so that even an unreliable scheme loses none on this machine. */
const SMALL_BATCH = 40
/** Messages that one step of the engine may bring in beyond the queue's limit, as a reliable scheme must not drop them. */
const OVERSHOOT = 256

/** Everything that has arrived, until nothing does for a while. */
async function receiveRest(endpoint: DatagramEndpoint): Promise<Message[]> {
  const messages: Message[] = []
  for (;;) {
    const message = await endpoint.receive({ timeout: 300 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ETIMEDOUT') throw error
      return undefined
    })
    if (message === undefined) return messages
    messages.push(message)
  }
}

/** So many in 100 ms would be spinning, not waiting. A few are none: unix(7) calls a socket writable that has no room. */
const MANY_TRIES = 1000

async function sendByTrying(near: DatagramEndpoint, data: string, to: AddressInput | undefined): Promise<void> {
  for (let tries = 0; !near.trySend(data, to); tries += 1) {
    // Checked here, as promises that resolve at once would keep any timer from firing.
    assert.ok(tries < MANY_TRIES, 'ready() resolves at once although there is no room')
    await near.ready()
  }
}

/** Batches, queues, and what holds whom up. */
export const datagramQueues: readonly CaseDefinition[] = [
  {
    name: `sendBatch of ${LARGE_BATCH} messages says how many went out, and those arrive`,
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(LARGE_BATCH)
      const sending = near.sendBatch(messages.map((data) => posting(data, toFar)))
      const receiving = meanwhile(f.facts.reliable ? receiveMany(f, far, LARGE_BATCH) : receiveRest(far))
      assert.deepEqual(await f.wait('sendBatch', sending), { sent: LARGE_BATCH, failed: [] })
      const received = await f.wait('the messages', receiving)
      if (f.facts.reliable) {
        assertSameMessages(f.facts, received, messages)
      } else {
        const data = received.map((message) => message.data)
        assertSubset(data, messages)
        assert.ok(data.length >= SMALL_BATCH, `only ${data.length} of ${LARGE_BATCH} arrived`)
      }
    },
  },
  {
    name: 'sendBatch with one message too large names it, and sends the others',
    when: (facts) => isDatagram(facts) && facts.maxMessage !== undefined,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(11)
      const bad = 5
      const batch = messages.map((data, i) => {
        return posting(i === bad ? Buffer.alloc((near.facts.maxMessage ?? 0) + 1) : data, toFar)
      })
      const receiving = meanwhile(receiveMany(f, far, messages.length - 1))
      const { sent, failed } = await f.wait('sendBatch', near.sendBatch(batch))
      assert.equal(sent, messages.length - 1)
      assert.deepEqual(
        failed.map(({ index, error }) => [index, (error as NodeJS.ErrnoException).code]),
        [[bad, 'EMSGSIZE']],
      )
      const good = messages.filter((_, i) => i !== bad)
      assertSameMessages(f.facts, await f.wait('the others', receiving), good)
    },
  },
  {
    name: 'an empty batch is sent at once',
    when: isDatagram,
    run: async (f) => {
      const { near } = await datagramPair(f)
      assert.deepEqual(await f.wait('sendBatch', near.sendBatch([])), { sent: 0, failed: [] })
    },
  },
  {
    name: 'trySend says when there is no room, ready() waits for it, and what was taken arrives',
    when: isReliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f, {}, { receiveQueue: 16 })
      const taken = fill(f, near, toFar)
      // ready() says that there may be room; whether there is, trySend tells.
      const sent = meanwhile(sendByTrying(near, 'once more', toFar))
      assert.equal(await settlesWithin(sent, 100), false, 'there was room again although nobody received')
      assertSameMessages(f.facts, await f.wait('what was taken', receiveMany(f, far, taken.length)), taken)
      await f.wait('ready() and trySend', sent)
      assert.equal((await receiveOne(f, far)).data.toString(), 'once more')
    },
  },
  {
    name: 'trySend never waits, and ready() comes at the latest when the receiver reads',
    when: isUnreliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      fill(f, near, toFar)
      far.on('message', () => undefined)
      await f.wait('ready()', near.ready())
    },
  },
  {
    name: "the send queue is bounded: ERR_QUEUE_FULL beyond it, 'drain' when it is empty, and the rest arrives",
    when: isReliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f, { sendQueue: 16 }, { receiveQueue: 16 })
      const drained = nextEvent(near, 'drain')
      const messages = numbered(12_000)
      const outcomes = messages.map(async (data) => {
        const error = await near.send(data, toFar).then(
          () => undefined,
          (reason: NodeJS.ErrnoException) => reason,
        )
        if (error !== undefined) assert.equal(error.code, 'ERR_QUEUE_FULL')
        return error === undefined ? [data] : []
      })
      const settled = meanwhile(Promise.all(outcomes))
      await delay(50)
      assert.ok(near.queued.outgoing <= 16, `${near.queued.outgoing} messages wait in a queue for 16`)
      const received: Message[] = []
      const receiving = meanwhile(
        (async () => {
          for await (const message of far) received.push(message)
        })(),
      )
      const accepted = (await f.wait('all sends', settled)).flat()
      assert.ok(accepted.length < messages.length, 'nothing was refused: the send queue has no bound')
      await f.wait("'drain'", drained)
      while (received.length < accepted.length) await f.wait('what was accepted', delay(10))
      await far.close()
      await f.wait('the end of the iteration', receiving)
      assertSameMessages(f.facts, received, accepted)
    },
  },
  {
    name: 'a slow receiver holds up the sender, and nothing is lost',
    when: isReliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f, {}, { receiveQueue: 8 })
      const messages = numbered(1200)
      let sent = 0
      const sending = meanwhile(
        (async () => {
          for (const data of messages) {
            await near.send(data, toFar)
            sent += 1
          }
        })(),
      )
      const first = await receiveOne(f, far)
      await delay(200)
      const { received: waiting } = far.queued
      assert.ok(waiting <= 8 + OVERSHOOT, `${waiting} messages wait in a queue for 8`)
      assert.ok(sent < messages.length, `all ${sent} messages were sent while nobody received`)
      const rest = await f.wait('the rest', receiveMany(f, far, messages.length - 1))
      await f.wait('the last send', sending)
      assertSameMessages(f.facts, [first, ...rest], messages)
      assert.equal(far.dropped, 0)
    },
  },
  {
    name: 'the receive queue is bounded: what finds it full is dropped and counted',
    when: isUnreliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f, {}, { receiveQueue: 8 })
      await f.wait('send', near.send('first', toFar))
      await receiveOne(f, far)
      const messages = numbered(SMALL_BATCH)
      await f.wait('sendBatch', near.sendBatch(messages.map((data) => posting(data, toFar))))
      await delay(100)
      const { received: waiting } = far.queued
      assert.ok(waiting <= 8, `${waiting} messages wait in a queue for 8`)
      const rest = await receiveRest(far)
      assert.equal(rest.length + far.dropped, SMALL_BATCH, 'received and dropped together are what was sent')
      assertSubset(
        rest.map(({ data }) => data),
        messages,
      )
    },
  },
  {
    name: 'batches() yields every message',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(SMALL_BATCH)
      const gather = async () => {
        const received: Message[] = []
        for await (const batch of far.batches()) {
          assert.ok(batch.length > 0)
          received.push(...batch)
          if (received.length >= messages.length) break
        }
        return received
      }
      const gathered = meanwhile(gather())
      await f.wait('sendBatch', near.sendBatch(messages.map((data) => posting(data, toFar))))
      assertSameMessages(f.facts, await f.wait('the batches', gathered), messages)
    },
  },
  {
    name: "'message' and 'batch' both tell of every message",
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(SMALL_BATCH)
      const one: Message[] = []
      const many: Message[] = []
      far.on('message', (message) => one.push(message))
      far.on('batch', (batch) => many.push(...batch))
      await f.wait('sendBatch', near.sendBatch(messages.map((data) => posting(data, toFar))))
      while (one.length < messages.length) await f.wait(`'message' (${one.length} came)`, delay(10))
      assertSameMessages(f.facts, one, messages)
      assertSameMessages(f.facts, many, messages)
    },
  },
  {
    name: "what waits to be received is not out of reach of a listener for 'message' that comes later",
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(SMALL_BATCH)
      const sending = meanwhile(near.sendBatch(messages.map((data) => posting(data, toFar))))
      const received = [await receiveOne(f, far)]
      await delay(50)
      far.on('message', (message) => received.push(message))
      while (received.length < messages.length) await f.wait(`'message' (${received.length} came)`, delay(10))
      await f.wait('sendBatch', sending)
      assertSameMessages(f.facts, received, messages)
    },
  },
  {
    name: "pause() stops 'message' at once, resume() goes on, and nothing is lost",
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const messages = numbered(SMALL_BATCH)
      const received: Message[] = []
      const whilePaused = countEvents(far, 'message')
      far.on('message', (message) => {
        received.push(message)
        if (received.length === 1) {
          far.pause()
          whilePaused.count = 0
        }
      })
      const sending = meanwhile(near.sendBatch(messages.map((data) => posting(data, toFar))))
      while (received.length === 0) await f.wait("the first 'message'", delay(10))
      await delay(100)
      assert.equal(far.isPaused(), true)
      assert.equal(whilePaused.count, 0, "'message' came while paused")
      far.resume()
      while (received.length < messages.length) await f.wait(`'message' (${received.length} came)`, delay(10))
      await f.wait('sendBatch', sending)
      assertSameMessages(f.facts, received, messages)
    },
  },
]
