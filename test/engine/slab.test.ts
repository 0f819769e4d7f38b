import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect } from 'vitest'
import { type Address, bind, connect, type DatagramEndpoint, listen, type StreamEndpoint } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, settledMemory } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

noDescriptorsLeft()

const hash = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

describe('what was received and is kept stays as it was while much more goes through', () => {
  /** Keeps some of what it is shown, and says how much of it has changed. */
  class Keeper {
    readonly #kept: { data: Buffer; digest: string }[] = []
    bytes = 0
    #shown = 0

    show(data: Buffer): void {
      this.bytes += data.length
      if (this.#shown++ % 5 === 0) this.#kept.push({ data, digest: hash(data) })
    }

    async changed(): Promise<number> {
      await settledMemory()
      expect(this.#kept.length).toBeGreaterThan(20)
      return this.#kept.filter(({ data, digest }) => hash(data) !== digest).length
    }
  }

  given(scheme('udp'))('messages, in runs and alone', async () => {
    await using far = await bind('udp://127.0.0.1:0', { receiveBuffer: 4 << 20 })
    await using near = (await connect(far.local as Address)) as DatagramEndpoint
    const keeper = new Keeper()
    let messages = 0
    far.on('message', ({ data }) => {
      messages++
      keeper.show(data)
    })
    for (let round = 0; round < 200; round++) {
      const [length, count] = [
        [1200, 200],
        [9000, 30],
        [10, 20],
      ][round % 3] as [number, number]
      const before = messages
      await near.sendBatch(Array.from({ length: count }, () => ({ data: randomBytes(length) })))
      expect(await eventually(() => messages === before + count)).toBe(true)
      if (round % 50 === 0) await settledMemory()
    }
    expect(keeper.bytes).toBeGreaterThan(30_000_000)
    expect(await keeper.changed()).toBe(0)
  })

  given(scheme('unix'))('reads of a stream', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unix:${directory.path}/socket`)
    const near = (await connect(listener.address)) as StreamEndpoint
    const far = (await listener.accept()) as StreamEndpoint
    const keeper = new Keeper()
    far.on('data', (data: Buffer) => keeper.show(data))
    for (let round = 0; round < 200; round++) {
      if (!near.write(randomBytes(300_000))) await once(near, 'drain')
      if (round % 50 === 0) await settledMemory()
    }
    near.end()
    await once(far, 'end')
    expect(keeper.bytes).toBe(60_000_000)
    expect(await keeper.changed()).toBe(0)
    near.destroy()
    far.destroy()
  })
})
