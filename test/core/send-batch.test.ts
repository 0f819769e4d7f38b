import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Address,
  bind,
  connect,
  type DatagramEndpoint,
  type Message,
  type OpenOptions,
  type Posting,
} from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

noDescriptorsLeft()

const receiver = (): Promise<DatagramEndpoint> => bind('udp://127.0.0.1:0', { receiveBuffer: 4 << 20 })
const sender = (options: OpenOptions = {}): Promise<DatagramEndpoint> => bind('udp://127.0.0.1:0', options)

async function connected(to: Address | undefined, options: OpenOptions = {}): Promise<DatagramEndpoint> {
  return (await connect(to as Address, options)) as DatagramEndpoint
}

/** What comes from now on, as texts. */
function texts(endpoint: DatagramEndpoint): string[] {
  const all: string[] = []
  endpoint.on('message', ({ data }: Message) => all.push(data.toString()))
  return all
}

const numbered = (count: number): { data: string }[] =>
  Array.from({ length: count }, (_, index) => ({ data: `${index}` }))
const numbers = (count: number): string[] => numbered(count).map(({ data }) => data)

/** A Unix socket that sends to one which does not read: the system takes some messages, and then no more. */
async function withoutReader(
  run: (sender: DatagramEndpoint, reader: DatagramEndpoint) => Promise<void>,
  sendQueue = 16,
) {
  await using directory = await temporaryDirectory()
  await using reader = await bind(`unixgram:${directory.path}/reader`)
  await using source = await connected(reader.local, { sendQueue })
  await run(source, reader)
}

describe('what the caller gave is the caller’s again', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(`the array, the postings and their addresses, ${engine} engine`, async () => {
      await using one = await receiver()
      await using other = await receiver()
      // It has to wait for room again and again.
      await using source = await sender({ sendQueue: 4, engine })
      const [atOne, atOther] = [texts(one), texts(other)]
      const to = { ...(one.local as object) } as { family: string; port: number }
      const postings = numbered(50).map((each) => ({ ...each, to }))
      const sending = source.sendBatch(postings)
      to.port = (other.local as { port: number }).port
      for (const posting of postings) posting.data = 'changed'
      postings.length = 0
      expect(await sending).toEqual({ sent: 50, failed: [] })
      expect(await eventually(() => atOne.length === 50)).toBe(true)
      expect(atOne).toEqual(numbers(50))
      expect(atOther).toEqual([])
    })
  }

  given(scheme('udp'))('what is no posting is a TypeError before anything is sent', async () => {
    await using target = await receiver()
    await using source = await connected(target.local)
    const hole = numbered(3)
    delete hole[1]
    for (const wrong of [
      hole,
      [{ data: 'x' }, undefined],
      [{ data: 'x' }, { data: 7 }],
      [{ data: 'x' }, null],
      'text',
    ]) {
      await expect(source.sendBatch(wrong as Posting[])).rejects.toBeInstanceOf(TypeError)
    }
    expect(source.stats()).toMatchObject({ messagesSent: 0, messagesFailed: 0, messagesUnsent: 0 })
  })
})

/** Kinds of postings, and the code that each fails with; `undefined` for those that go. */
const kinds = {
  good: undefined,
  empty: undefined,
  long: undefined,
  tooLong: 'EMSGSIZE',
  unreachable: expect.stringMatching(/^E(INVAL|NETUNREACH)$/),
  badAddress: 'ERR_ADDRESS_INVALID',
  otherFamily: 'ERR_ADDRESS_INVALID',
  badAncillary: 'ERR_UNSUPPORTED',
} as const

type Kind = keyof typeof kinds

function posting(kind: Kind, index: number, to: Address): Posting {
  const text = `${index}`
  const forms: Record<Kind, Posting> = {
    good: { data: text, to },
    empty: { data: '', to },
    long: { data: Buffer.alloc(5000, `${text} `), to },
    tooLong: { data: Buffer.alloc(70_000), to },
    unreachable: { data: text, to: 'udp://192.0.2.1:9' },
    badAddress: { data: text, to: 'udp://127.0.0.1:port' },
    otherFamily: { data: text, to: 'unixgram:/nowhere' },
    badAncillary: { data: text, to, drops: 1 } as Posting,
  }
  return forms[kind]
}

describe('the result', () => {
  given(scheme('udp'))('accounts for every message, by index, whatever is among them', async () => {
    const anyKind = fc.constantFrom(...(Object.keys(kinds) as Kind[]))
    const mixes = fc.array(fc.oneof({ weight: 5, arbitrary: fc.constant<Kind>('good') }, anyKind), { maxLength: 150 })
    await using target = await receiver()
    const arrived: string[] = texts(target)
    await fc.assert(
      fc.asyncProperty(mixes, fc.constantFrom(1, 3, 64, 1024), async (all, sendQueue) => {
        arrived.length = 0
        await using source = await sender({ sendQueue })
        const postings = all.map((kind, index) => posting(kind, index, target.local as Address))
        const { sent, failed } = await source.sendBatch(postings)
        expect(sent + failed.length).toBe(all.length)
        const refused = all.flatMap((kind, index) => (kinds[kind] === undefined ? [] : [{ index, code: kinds[kind] }]))
        expect(failed.map(({ index, error }) => ({ index, code: (error as NodeJS.ErrnoException).code }))).toEqual(
          refused,
        )
        expect(await eventually(() => arrived.length === sent)).toBe(true)
        const gone = postings.filter((_, index) => kinds[all[index] as Kind] === undefined)
        expect(arrived).toEqual(gone.map(({ data }) => data.toString()))
        expect(source.stats()).toMatchObject({ messagesSent: sent, messagesUnsent: 0 })
      }),
      { numRuns: 40 },
    )
  })

  given(scheme('udp'))('a batch of nothing is done', async () => {
    await using source = await sender()
    expect(await source.sendBatch([])).toEqual({ sent: 0, failed: [] })
  })

  test.each([1, 7, 511, 512, 513, 1024])('more messages than a queue of %i holds', async (sendQueue) => {
    await using target = await receiver()
    await using source = await connected(target.local, { sendQueue })
    const arrived = texts(target)
    expect(await source.sendBatch(numbered(2000))).toEqual({ sent: 2000, failed: [] })
    expect(await eventually(() => arrived.length === 2000)).toBe(true)
    expect(arrived).toEqual(numbers(2000))
  })

  test('a queue that holds nothing fails them, and waits for nothing', async () => {
    await using target = await receiver()
    await using source = await connected(target.local, { sendQueue: 0 })
    const { sent, failed } = await source.sendBatch(numbered(3))
    expect([sent, failed.map(({ index }) => index)]).toEqual([0, [0, 1, 2]])
    expect(failed[0]?.error).toMatchObject({ code: 'ERR_QUEUE_FULL' })
    await source.ready()
    expect(source.trySend('x')).toBe(true)
  })

  test('batches that wait for the same room share it, each in order', async () => {
    await using target = await receiver()
    await using source = await connected(target.local, { sendQueue: 8 })
    const arrived = texts(target)
    const batches = ['a', 'b', 'c'].map((name) => numbers(100).map((number) => `${name}${number}`))
    const results = await Promise.all(batches.map((batch) => source.sendBatch(batch.map((data) => ({ data })))))
    expect(results).toEqual(batches.map(() => ({ sent: 100, failed: [] })))
    expect(await eventually(() => arrived.length === 300)).toBe(true)
    for (const batch of batches) expect(arrived.filter((text) => text[0] === batch[0]?.[0])).toEqual(batch)
  })

  given(scheme('unixgram'))('waits for a receiver that is full, and loses nothing', async () => {
    await withoutReader(async (source, reader) => {
      const sending = source.sendBatch(numbered(500))
      expect(await eventually(() => source.queued.outgoing === 16)).toBe(true)
      const arrived = texts(reader)
      expect(await sending).toEqual({ sent: 500, failed: [] })
      expect(await eventually(() => arrived.length === 500)).toBe(true)
      expect(arrived).toEqual(numbers(500))
    })
  })

  given(scheme('unixgram'))('tells those that did not go when it is closed amid', async () => {
    await withoutReader(async (source) => {
      const sending = source.sendBatch(numbered(500))
      expect(await eventually(() => source.queued.outgoing === 16)).toBe(true)
      await source.close()
      const { sent, failed } = await sending
      expect(sent).toBeGreaterThan(0)
      expect(failed.map(({ index }) => index)).toEqual(Array.from({ length: 500 - sent }, (_, at) => sent + at))
      for (const { error } of failed) expect(error).toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
      expect(source.stats()).toMatchObject({ messagesSent: sent, messagesFailed: 500 - sent, messagesUnsent: 0 })
    })
  })

  given(scheme('udp'))('closed in the tick of the call: all fail, none is sent', async () => {
    await using target = await receiver()
    const source = await connected(target.local, { sendQueue: 8 })
    const sending = source.sendBatch(numbered(20))
    await source.close()
    const { sent, failed } = await sending
    expect([sent, failed.length]).toEqual([0, 20])
    expect(source.stats()).toMatchObject({ messagesSent: 0, messagesFailed: 20 })
  })

  given(scheme('unixgram'))('a receiver that goes away amid: the rest fails with what the system says', async () => {
    await withoutReader(async (source, reader) => {
      const sending = source.sendBatch(numbered(200))
      expect(await eventually(() => source.queued.outgoing === 16)).toBe(true)
      await reader.close()
      const { sent, failed } = await sending
      expect(sent + failed.length).toBe(200)
      expect(failed.length).toBeGreaterThan(100)
      for (const { error } of failed) expect(error).toMatchObject({ syscall: 'send' })
    })
  })
})
