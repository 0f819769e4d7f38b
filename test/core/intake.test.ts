import { EventEmitter, once } from 'node:events'
import { closeSync } from 'node:fs'
import { describe, expect, vi } from 'vitest'
import type { DatagramEventMap } from '../../src/core/datagram.ts'
import type { DatagramHandle } from '../../src/core/family.ts'
import { Intake } from '../../src/core/intake.ts'
import { type Address, bind, connect, type DatagramEndpoint, type Message } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

noDescriptorsLeft()

const test = given(scheme('udp'))
const COUNT = 200

const names = Array.from({ length: COUNT }, (_, index) => `${index}`.padStart(4, '0'))
const textOf = ({ data }: Message): string => data.toString()

/** A receiver that was sent messages which arrive together, and the sender. */
async function withArrivals(run: (far: DatagramEndpoint, near: DatagramEndpoint) => Promise<void>): Promise<void> {
  await using far = await bind('udp://127.0.0.1:0', { receiveBuffer: 4 << 20 })
  await using near = (await connect(far.local as Address, { receiveBuffer: 4 << 20 })) as DatagramEndpoint
  await near.sendBatch(names.map((data) => ({ data })))
  await run(far, near)
}

async function rest(endpoint: DatagramEndpoint, count: number): Promise<string[]> {
  const all: string[] = []
  while (all.length < count) {
    const message = await endpoint.receive({ timeout: 2000 })
    if (message === undefined) break
    all.push(textOf(message))
  }
  return all
}

describe('a listener for messages that arrive together', () => {
  test('that closes gets no more; what has arrived can still be received', () =>
    withArrivals(async (far) => {
      const seen: string[] = []
      far.on('message', (message) => {
        if (seen.push(textOf(message)) === 10) void far.close()
      })
      await once(far, 'close')
      const arrived = far.stats().messagesReceived
      expect(seen).toEqual(names.slice(0, 10))
      expect(await rest(far, COUNT)).toEqual(names.slice(10, arrived))
      expect(await far.receive()).toBeUndefined()
      expect(seen).toHaveLength(10)
    }))

  test('that pauses gets the rest in order once it resumes', () =>
    withArrivals(async (far) => {
      const seen: string[] = []
      far.on('message', (message) => {
        if (seen.push(textOf(message)) % 10 !== 0) return
        far.pause()
        setImmediate(() => far.resume())
      })
      expect(await eventually(() => seen.length === COUNT)).toBe(true)
      expect(seen).toEqual(names)
    }))

  test('that pauses and resumes at once misses nothing and gets nothing twice', () =>
    withArrivals(async (far) => {
      const seen: string[] = []
      far.on('message', (message) => {
        seen.push(textOf(message))
        far.pause().resume()
      })
      expect(await eventually(() => seen.length === COUNT)).toBe(true)
      await new Promise((resolve) => setImmediate(resolve))
      expect(seen).toEqual(names)
    }))

  test('that leaves in the midst leaves the rest to receive', () =>
    withArrivals(async (far) => {
      const seen: string[] = []
      const listener = (message: Message): void => {
        if (seen.push(textOf(message)) === 5) far.off('message', listener)
      }
      far.on('message', listener)
      expect(await eventually(() => seen.length === 5)).toBe(true)
      expect(await rest(far, COUNT - 5)).toEqual(names.slice(5))
    }))

  test('that answers each: all answers go, in order', () =>
    withArrivals(async (far, near) => {
      const answers: string[] = []
      near.on('message', (message) => answers.push(textOf(message)))
      far.on('message', ({ data, from }) => void far.send(data, from))
      expect(await eventually(() => answers.length === COUNT)).toBe(true)
      expect(answers).toEqual(names)
    }))

  test('that answers with trySend, from within another’s messages', () =>
    withArrivals(async (far, near) => {
      const answers: string[] = []
      near.on('message', (message) => answers.push(textOf(message)))
      const outcomes = new Set<boolean>()
      far.on('message', ({ data, from }) => outcomes.add(far.trySend(data, from)))
      expect(await eventually(() => answers.length === COUNT)).toBe(true)
      expect([[...outcomes], answers]).toEqual([[true], names])
    }))

  for (const ending of ['closes', 'closes and throws']) {
    given(scheme('unixgram'))(
      `that ${ending} amid messages with descriptors: those that it did not get are closed`,
      async () => {
        await using directory = await temporaryDirectory()
        const far = await bind(`unixgram:${directory.path}/far`, { receiveFds: true })
        await using near = (await connect(far.local as Address)) as DatagramEndpoint
        await near.sendBatch(names.slice(0, 9).map((data) => ({ data, fds: [0] })))
        const before = openDescriptors()
        // They are taken from the system one by one, and come together when they have waited for the listener.
        for (const fd of (await far.receive())?.fds ?? []) closeSync(fd)
        expect(await eventually(() => far.queued.received === 8)).toBe(true)
        let seen = 0
        const errors: unknown[] = []
        const handlers = process.listeners('uncaughtException')
        process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => errors.push(error))
        far.on('message', ({ fds = [] }) => {
          for (const fd of fds) closeSync(fd)
          if (++seen < 3) return
          void far.close()
          if (ending === 'closes and throws') throw new Error('of the listener')
        })
        await once(far, 'close')
        expect(await eventually(() => openDescriptors() === before - 1)).toBe(true)
        process.removeAllListeners('uncaughtException')
        for (const handler of handlers) process.on('uncaughtException', handler)
        expect(errors).toHaveLength(ending === 'closes' ? 0 : 1)
        const { messagesReceived, messagesDropped } = far.stats()
        expect(messagesDropped).toBeGreaterThan(0)
        expect(messagesReceived).toBe(1 + 3 + messagesDropped)
      },
    )
  }

  for (const receiveQueue of [1, 50]) {
    test(`that pauses while the queue holds ${receiveQueue}: the others are dropped and counted`, async () => {
      await using far = await bind('udp://127.0.0.1:0', { receiveBuffer: 4 << 20, receiveQueue })
      await using near = (await connect(far.local as Address)) as DatagramEndpoint
      await near.sendBatch(names.map((data) => ({ data })))
      const seen: string[] = []
      far.on('message', (message) => {
        if (seen.push(textOf(message)) === 3) far.pause()
      })
      expect(await eventually(() => seen.length === 3)).toBe(true)
      const { messagesReceived, messagesUnread, messagesDropped } = far.stats()
      expect(messagesUnread).toBe(receiveQueue)
      expect(messagesDropped).toBe(messagesReceived - 3 - receiveQueue)
      far.resume()
      expect(await eventually(() => seen.length === 3 + receiveQueue + COUNT - messagesReceived)).toBe(true)
      expect(seen.slice(0, 3 + receiveQueue)).toEqual(names.slice(0, 3 + receiveQueue))
    })
  }

  test('that throws misses no other message', async () => {
    const emitter = new EventEmitter<DatagramEventMap>()
    const handle = { facts: { reliable: false }, resume: vi.fn(), pause: vi.fn() } as unknown as DatagramHandle
    const intake = new Intake(handle, emitter, 100)
    const seen: string[] = []
    emitter.on('message', (message) => {
      seen.push(textOf(message))
      if (seen.length === 2) throw new Error('of the listener')
    })
    const batch = names.slice(0, 5).map((name) => ({ data: Buffer.from(name), from: undefined, truncated: false }))
    expect(() => intake.arrived(batch)).toThrow('of the listener')
    expect(seen).toEqual(names.slice(0, 2))
    await new Promise(process.nextTick)
    expect(seen).toEqual(names.slice(0, 5))
    expect(intake.queued).toBe(0)
  })
})
