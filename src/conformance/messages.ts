import assert from 'node:assert/strict'
import type { Address, AddressInput } from '../core/address.ts'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { Message } from '../core/family.ts'
import type { Posting } from '../core/sender.ts'
import { assertSameBytes } from './bytes.ts'
import type { Fixture } from './fixture.ts'
import type { DatagramPair } from './pair.ts'

/** How long a message may be on its way before an unreliable scheme is taken to have lost it. */
const LOST_AFTER = 1000
/** How often it is sent before the loss is no accident. */
const ATTEMPTS = 3
/** How long one that cannot be lost may take. */
const ARRIVES_WITHIN = 5000

export function posting(data: Uint8Array, to: Address | undefined): Posting {
  return to === undefined ? { data } : { data, to }
}

/** Messages that differ: each begins with its number. */
export function numbered(count: number, size = 8): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const message = Buffer.alloc(Math.max(size, 4), i % 251)
    message.writeUInt32BE(i)
    return message
  })
}

/** The next message, which must come. */
export async function receiveOne(f: Fixture, endpoint: DatagramEndpoint): Promise<Message> {
  const message = await f.wait('a message', endpoint.receive({ timeout: ARRIVES_WITHIN }))
  assert.ok(message !== undefined, 'the end came instead of a message')
  return message
}

/** So many messages, which must come. */
export async function receiveMany(f: Fixture, endpoint: DatagramEndpoint, count: number): Promise<Message[]> {
  const messages: Message[] = []
  while (messages.length < count) messages.push(await receiveOne(f, endpoint))
  return messages
}

/**
 * Sends `messages` from near to far and returns what arrived. A reliable scheme gets them as fast as it takes them; any
 * other one at a time, and again when one was lost.
 */
export async function deliver(f: Fixture, pair: DatagramPair, messages: readonly Uint8Array[]): Promise<Message[]> {
  if (f.facts.reliable) {
    const sendAll = async () => {
      for (const data of messages) await pair.near.send(data, pair.toFar)
    }
    const [received] = await f.wait('all messages', Promise.all([receiveMany(f, pair.far, messages.length), sendAll()]))
    return received
  }
  const received: Message[] = []
  for (const data of messages) received.push(await deliverOne(f, pair, data))
  return received
}

async function deliverOne(f: Fixture, pair: DatagramPair, data: Uint8Array): Promise<Message> {
  for (let attempt = 1; ; attempt += 1) {
    await f.wait('send', pair.near.send(data, pair.toFar))
    try {
      const message = await pair.far.receive({ timeout: LOST_AFTER })
      assert.ok(message !== undefined, 'the end came instead of a message')
      return message
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT' || attempt === ATTEMPTS) throw error
    }
  }
}

/** Each message once and whole: in order where the facts promise it, else in any. */
export function assertSameMessages(
  facts: SchemeFacts,
  received: readonly Message[],
  sent: readonly Uint8Array[],
): void {
  assert.equal(received.length, sent.length, 'the number of messages')
  const got = received.map(({ data }) => data)
  const wanted = [...sent]
  if (!facts.ordered) for (const list of [got, wanted]) list.sort(Buffer.compare)
  for (const [i, data] of got.entries())
    assertSameBytes(data, wanted[i] ?? Buffer.alloc(0), `message ${i} of ${sent.length}`)
}

/** Nothing that was not sent. For schemes that may lose messages. */
export function assertSubset(received: readonly Uint8Array[], sent: readonly Uint8Array[]): void {
  const known = new Set(sent.map((data) => Buffer.from(data).toString('hex')))
  for (const data of received) {
    assert.ok(
      known.has(Buffer.from(data).toString('hex')),
      `a message arrived that nobody sent, of ${data.length} bytes`,
    )
  }
}

/** Sends without waiting until the scheme has no room; returns what was taken. */
export function fill(f: Fixture, near: DatagramEndpoint, to: AddressInput | undefined): Buffer[] {
  const limit = 20_000
  const taken: Buffer[] = []
  for (const data of numbered(limit)) {
    const accepted = near.trySend(data, to)
    assert.equal(typeof accepted, 'boolean')
    if (!accepted) return taken
    taken.push(data)
  }
  assert.ok(!f.facts.reliable, `${limit} messages were taken that nobody received: there is no backpressure`)
  return taken
}
