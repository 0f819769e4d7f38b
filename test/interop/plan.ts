import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DatagramEndpoint, formatAddress, type Message, type SchemeFacts } from '../../src/index.ts'
import { KiB, MiB } from '../support/bytes.ts'

export const count = 10_000

/** What both ends know beforehand: every message, and after which ones the receiver acknowledges. */
export interface Plan {
  readonly sizes: readonly number[]
  /** First message and end of each window. */
  readonly windows: readonly (readonly [number, number])[]
  readonly ordered: boolean
  /** Where the scheme loses what does not fit into the receive buffer, the sender waits after each window. */
  readonly acknowledge: boolean
  /** Message `index` is the `sizes[index]` bytes at `index * stride % period`. */
  readonly pattern: Buffer
  message(index: number): Buffer
}

const stride = 7919
const period = MiB

/** 10,000 messages: every thousand begins with the edges 0, 1, the largest and one less; the rest is drawn by seed. */
export function makePlan(facts: SchemeFacts, seed: number): Plan {
  const largest = facts.maxMessage
  if (largest === undefined) throw new Error('a scheme without a largest message needs a limit of its own here')
  const edges = [0, 1, largest, largest - 1]
  const random = generator(seed)
  const sizes = Array.from({ length: count }, (_, index) => {
    return edges[index % 1000] ?? Math.floor((16 * KiB) ** random())
  })
  const pattern = randomBytes(period + largest)
  return {
    sizes,
    windows: makeWindows(sizes),
    ordered: facts.ordered,
    acknowledge: !facts.reliable,
    pattern,
    message: (index) => {
      const start = (index * stride) % period
      return pattern.subarray(start, start + (sizes[index] ?? 0))
    },
  }
}

/** Writes the plan down for `peers/datagrams.py`. */
export async function savePlan(plan: Plan, directory: string): Promise<void> {
  const { sizes, windows, ordered, acknowledge, pattern } = plan
  await writeFile(join(directory, 'pattern'), pattern)
  await writeFile(
    join(directory, 'plan.json'),
    JSON.stringify({ sizes, windows, ordered, acknowledge, stride, period }),
  )
}

/**
 * As many messages as fit into a socket's default receive buffer of 212,992 bytes. The kernel counts the memory behind
 * a message, not its length: up to twice as much, and about a kilobyte for an empty one.
 */
function makeWindows(sizes: readonly number[]): [number, number][] {
  const windows: [number, number][] = []
  let first = 0
  let used = 0
  for (const [index, size] of sizes.entries()) {
    const cost = 2 * size + 1280
    if (index > first && used + cost > 150_000) {
      windows.push([first, index])
      first = index
      used = 0
    }
    used += cost
  }
  windows.push([first, sizes.length])
  return windows
}

/** Sends all of it, by `sendBatch` and by `send` in turns; where there is no peer, to `to`. */
export async function sendPlan(endpoint: DatagramEndpoint, plan: Plan, to?: Message['from']): Promise<void> {
  for (const [turn, [first, end]] of plan.windows.entries()) {
    const messages = Array.from({ length: end - first }, (_, at) => plan.message(first + at))
    if (turn % 2 === 0) {
      const result = await endpoint.sendBatch(messages.map((data) => (to === undefined ? { data } : { data, to })))
      if (result.sent !== messages.length) throw new Error(`sent ${result.sent}: ${String(result.failed[0]?.error)}`)
    } else {
      await Promise.all(messages.map((data) => endpoint.send(data, to)))
    }
    if (!plan.acknowledge) continue
    const answer = await endpoint.receive({ timeout: 10_000 })
    if (String(answer?.data) !== String(end)) throw new Error(`window ${first} to ${end} was answered ${answer?.data}`)
  }
}

export interface Received {
  /** Numbers of the messages that were not as planned. */
  readonly wrong: number[]
  /** Everyone who sent one. */
  readonly senders: string[]
}

/** Receives all of it. */
export async function receivePlan(endpoint: DatagramEndpoint, plan: Plan): Promise<Received> {
  const wrong: number[] = []
  const senders = new Set<string>()
  for (const [first, end] of plan.windows) {
    const arrived: Buffer[] = []
    let from: Message['from']
    while (arrived.length < end - first) {
      const message = await endpoint.receive({ timeout: 10_000 })
      if (message === undefined) throw new Error(`the end came after message ${first + arrived.length}`)
      if (message.truncated) wrong.push(first + arrived.length)
      arrived.push(message.data)
      from = message.from
      senders.add(from === undefined ? 'unnamed' : formatAddress(from))
    }
    const expected = Array.from({ length: end - first }, (_, at) => plan.message(first + at))
    if (!plan.ordered) {
      arrived.sort(Buffer.compare)
      expected.sort(Buffer.compare)
    }
    for (const [at, data] of arrived.entries()) {
      if (Buffer.compare(data, expected[at] ?? Buffer.alloc(0)) !== 0) wrong.push(first + at)
    }
    if (plan.acknowledge) await endpoint.send(String(end), from)
  }
  return { wrong, senders: [...senders] }
}

/** Mulberry32: small, seeded, and good enough to draw sizes from. In [0, 1). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
