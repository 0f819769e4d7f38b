import { closeSync, openSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  type AbortError,
  type AddressInput,
  bind,
  connect,
  type DatagramEndpoint,
  listen,
  type Message,
  type SocketError,
} from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

noDescriptorsLeft()

const reason = new Error('changed my mind')
const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: reason }
const late = { name: 'SocketError', code: 'ETIMEDOUT', syscall: 'send' }
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const outcome = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'sent',
    ({ code }) => code,
  )

/** Messages taken until there is no more room, as the system counts it. */
function fill(source: DatagramEndpoint): number {
  for (let taken = 0; ; taken++) if (!source.trySend(`${taken}`)) return taken
}

function texts(endpoint: DatagramEndpoint): string[] {
  const all: string[] = []
  endpoint.on('message', ({ data }: Message) => all.push(data.toString()))
  return all
}

/** A sender whose receiver does not read. */
async function full(
  run: (source: DatagramEndpoint, sink: DatagramEndpoint, taken: number) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory()
  await using sink = await bind(`unixgram:${directory.path}/socket`, { receiveQueue: 4 })
  await using source = (await connect(sink.local as AddressInput, { sendQueue: 64 })) as DatagramEndpoint
  await run(source, sink, fill(source))
}

describe('a send that waits', () => {
  given(scheme('unixgram'))('is taken out on abort, wherever it stands, and never sent', async () => {
    await full(async (source, sink, taken) => {
      const controllers = Array.from({ length: 9 }, () => new AbortController())
      const outcomes = controllers.map(({ signal }, index) =>
        outcome(source.send(`late ${index}`, undefined, { signal })),
      )
      const unlimited = outcome(source.send('last'))
      await sleep(20)
      expect(source.queued.outgoing).toBe(10)
      // The first, the last, some in between, in no order.
      for (const index of [8, 0, 4, 1, 5]) controllers[index]?.abort(reason)
      expect(source.queued.outgoing).toBe(5)
      const arrived = texts(sink)
      expect(await Promise.all([...outcomes, unlimited])).toEqual([
        ...['ABORT_ERR', 'ABORT_ERR', 'sent', 'sent', 'ABORT_ERR', 'ABORT_ERR', 'sent', 'sent', 'ABORT_ERR'],
        'sent',
      ])
      expect(await eventually(() => arrived.includes('last'))).toBe(true)
      expect(arrived.slice(taken)).toEqual(['late 2', 'late 3', 'late 6', 'late 7', 'last'])
      expect(source.stats()).toMatchObject({ messagesSent: taken + 5, messagesUnsent: 0 })
    })
  })

  given(scheme('unixgram'))('ends at its timeout, with the address', async () => {
    await full(async (source, sink) => {
      const to = sink.local as { path: string }
      const start = performance.now()
      await expect(source.send('x', undefined, { timeout: 60 })).rejects.toMatchObject({
        ...late,
        address: `unixgram:${to.path}`,
      })
      expect(performance.now() - start).toBeGreaterThan(50)
      expect(source.queued.outgoing).toBe(0)
    })
  })

  given(scheme('unixgram'))('leaves room for others, and warns of no listeners of its signal', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    await full(async (source) => {
      const controller = new AbortController()
      const { signal } = controller
      const outcomes = Array.from({ length: 64 }, () => outcome(source.send('x', undefined, { signal })))
      await expect(source.send('y')).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
      controller.abort(reason)
      expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['ABORT_ERR']))
      const more = outcome(source.send('y'))
      await sleep(10)
      expect(source.queued.outgoing).toBe(1)
      await source.close()
      expect(await more).toBe('ERR_SOCKET_CLOSED')
    })
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  given(scheme('unixpacket'))('costs no processor time once nothing is left to be sent', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unixpacket:${directory.path}/socket`)
    await using source = await connect(`unixpacket:${directory.path}/socket`)
    await using sink = await listener.accept()
    const taken = fill(source)
    await expect(source.send('x', undefined, { timeout: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    // There is room again, and nobody who wants it.
    for (let count = 0; count < taken; count++) await sink.receive()
    const before = process.cpuUsage()
    await sleep(500)
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(50_000)
  })

  given(scheme('unixgram'))('gives the descriptors back that were to go with it', async () => {
    await full(async (source) => {
      const file = openSync('/etc/hosts', 'r')
      const before = openDescriptors()
      const controller = new AbortController()
      const sends = Array.from({ length: 5 }, () =>
        outcome(source.send('with it', undefined, { fds: [file, file], signal: controller.signal })),
      )
      expect(openDescriptors()).toBe(before + 10)
      controller.abort(reason)
      expect(openDescriptors()).toBe(before)
      expect(new Set(await Promise.all(sends))).toEqual(new Set(['ABORT_ERR']))
      closeSync(file)
    })
  })

  test('in memory, too', async () => {
    await using sink = await bind('memorygram:send-deadline')
    await using source = (await connect('memorygram:send-deadline')) as DatagramEndpoint
    sink.pause()
    const taken = fill(source)
    const controller = new AbortController()
    const sends = [
      outcome(source.send('aborted', undefined, { signal: controller.signal })),
      outcome(source.send('late', undefined, { timeout: 30 })),
      outcome(source.send('sent')),
    ]
    await sleep(60)
    controller.abort(reason)
    sink.resume()
    const arrived = texts(sink)
    expect(await Promise.all(sends)).toEqual(['ABORT_ERR', 'ETIMEDOUT', 'sent'])
    expect(await eventually(() => arrived.includes('sent'))).toBe(true)
    expect(arrived.length).toBe(taken + 1)
  })
})

describe('a signal', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(`changes nothing where there is room, ${engine} engine`, async () => {
      await using sink = await bind('udp://127.0.0.1:0')
      await using source = await bind('udp://127.0.0.1:0', { engine })
      const arrived = texts(sink)
      const controller = new AbortController()
      await source.send('one', sink.local, { signal: controller.signal, timeout: 1000 })
      controller.abort(reason)
      await source.send('two', sink.local, { signal: undefined, timeout: undefined })
      await source.send('three', sink.local, {})
      expect(await eventually(() => arrived.length === 3)).toBe(true)
      await expect(source.send('four', sink.local, { signal: controller.signal })).rejects.toMatchObject(aborted)
      await expect(source.sendBatch([{ data: 'x' }], { signal: controller.signal })).rejects.toMatchObject(aborted)
      await expect(source.ready({ signal: controller.signal })).rejects.toMatchObject(aborted)
      expect(source.stats()).toMatchObject({ messagesSent: 3, messagesUnsent: 0 })
    })
  }

  given(scheme('udp'))('that fires in the tick of the call keeps the message here', async () => {
    await using sink = await bind('udp://127.0.0.1:0')
    await using source = await bind('udp://127.0.0.1:0')
    for (const to of [sink.local, `udp://localhost:${(sink.local as { port: number }).port}`]) {
      const controller = new AbortController()
      const sending = source.send('x', to, { signal: controller.signal })
      controller.abort(reason)
      await expect(sending).rejects.toMatchObject(aborted)
    }
    await expect(sink.receive({ timeout: 100 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(source.stats()).toMatchObject({ messagesSent: 0, messagesUnsent: 0 })
  })

  given(scheme('udp'))('at any moment: what is told as sent has arrived, what is not has not', async () => {
    await using sink = await bind('udp://127.0.0.1:0')
    await using source = (await connect(sink.local as AddressInput)) as DatagramEndpoint
    const arrived = texts(sink)
    const told: string[] = []
    for (let steps = 0; steps < 12; steps++) {
      const controller = new AbortController()
      const sending = outcome(source.send(`${steps}`, undefined, { signal: controller.signal }))
      for (let step = 0; step < steps; step++) await null
      controller.abort()
      if ((await sending) === 'sent') told.push(`${steps}`)
    }
    await source.send('end')
    expect(await eventually(() => arrived.includes('end'))).toBe(true)
    expect(told.length).toBeGreaterThan(5)
    expect(told.length).toBeLessThan(12)
    expect(arrived).toEqual([...told, 'end'])
  })

  given(scheme('udp'))('of another type is a TypeError, for whatever waits', async () => {
    await using source = await bind('udp://127.0.0.1:0')
    const wrong = { signal: 'now' } as never
    for (const attempt of [source.send('x', source.local, wrong), source.sendBatch([], wrong), source.ready(wrong)]) {
      await expect(attempt).rejects.toBeInstanceOf(TypeError)
    }
    await expect(source.send('x', source.local, { timeout: -1 })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('sendBatch', () => {
  const batch = Array.from({ length: 300 }, (_, index) => ({ data: `late ${index}` }))

  given(scheme('unixgram'))('says how many went when it is aborted, and sends no more', async () => {
    await full(async (source, sink, taken) => {
      const controller = new AbortController()
      const sending = source.sendBatch(batch, { signal: controller.signal })
      const other = outcome(source.send('of another'))
      await sink.receive()
      await sink.receive()
      await sleep(60)
      controller.abort(reason)
      const error = await sending.then(
        () => undefined,
        (thrown: AbortError) => thrown,
      )
      expect(error).toMatchObject(aborted)
      const { sent, failed } = error?.batch ?? { sent: -1, failed: [] }
      expect(sent).toBeGreaterThan(0)
      expect(failed.map(({ index }) => index)).toEqual(batch.map((_, index) => index).slice(sent))
      expect(failed[0]?.error).toBe(error)
      // As programs write their logs: the result names the error again.
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'ABORT_ERR' })
      const arrived = texts(sink)
      expect(await other).toMatch(/sent|ERR_QUEUE_FULL/)
      await source.send('end')
      expect(await eventually(() => arrived.includes('end'))).toBe(true)
      expect(arrived.filter((text) => text.startsWith('late')).length).toBe(sent)
      expect(source.stats().messagesUnsent).toBe(0)
      expect(arrived.length).toBeGreaterThan(taken - 2)
    })
  })

  given(scheme('unixgram'))('ends at its timeout, with what went', async () => {
    await full(async (source) => {
      const error: SocketError = await source.sendBatch(batch, { timeout: 50 }).then(
        () => expect.unreachable(),
        (thrown) => thrown,
      )
      expect(error).toMatchObject(late)
      expect(error.batch?.sent).toBe(0)
      expect(error.batch?.failed.length).toBe(300)
      expect(source.queued.outgoing).toBe(0)
    })
  })
})

describe('ready and end', () => {
  given(scheme('unixgram'))('ready ends on abort and at its timeout, and leaves nothing behind', async () => {
    await full(async (source) => {
      await expect(source.ready({ timeout: 30 })).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'ready' })
      const controller = new AbortController()
      const waiting = source.ready({ signal: controller.signal })
      const patient = source.ready()
      controller.abort(reason)
      await expect(waiting).rejects.toMatchObject(aborted)
      await source.close()
      await patient
    })
  })

  given(scheme('unixpacket'))('end gives up while something waits, and ends nothing', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unixpacket:${directory.path}/socket`)
    await using source = await connect(`unixpacket:${directory.path}/socket`)
    await using sink = await listener.accept()
    fill(source)
    const waiting = source.send('waiting')
    await expect(source.end({ timeout: 30 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const arrived = texts(sink)
    await waiting
    await source.send('still open')
    expect(await eventually(() => arrived.includes('still open'))).toBe(true)
  })
})
