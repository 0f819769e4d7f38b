import { closeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { type StreamEndpoint, socketpair } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'

const COUNT = 3000
/** See `UnreadPieces`. */
const LIMIT = 1024

/** A pair whose one end has been sent bytes singly, of which nobody has read any. */
async function withDrops(run: (far: StreamEndpoint) => Promise<void>): Promise<void> {
  const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
  try {
    for (let count = 0; count < COUNT; count++) {
      near.write(Buffer.from([count]))
      await turn()
    }
    near.end()
    expect(await eventually(() => far.readableLength === COUNT)).toBe(true)
    const { readableBuffer } = far as unknown as { readonly readableBuffer: { readonly length: number } }
    expect(readableBuffer.length).toBeLessThanOrEqual(LIMIT)
    await run(far)
  } finally {
    near.destroy()
    far.destroy()
  }
}

const sent = Buffer.from(Array.from({ length: COUNT }, (_, index) => index & 255))

describe('a stream of single bytes that nobody reads keeps at most 1,024 chunks, and gives all', () => {
  const test = given(scheme('unix', 'kernel'))

  test('to whoever listens for data', () =>
    withDrops(async (far) => {
      const chunks: Buffer[] = []
      far.on('data', (chunk: Buffer) => chunks.push(chunk))
      expect(await eventually(() => far.readableEnded)).toBe(true)
      expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    }))

  test('to whoever iterates', () =>
    withDrops(async (far) => {
      const chunks: Buffer[] = []
      for await (const chunk of far) chunks.push(chunk)
      expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    }))

  test('to whoever wants more at a time than waits', () =>
    withDrops(async (far) => {
      let all: Buffer | null = null
      far.on('readable', () => (all ??= far.read(COUNT) as Buffer | null))
      expect(await eventually(() => all !== null)).toBe(true)
      expect((all as unknown as Buffer).equals(sent)).toBe(true)
    }))

  test('as text to whoever has set an encoding', async () => {
    const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    far.setEncoding('hex')
    for (const byte of sent) {
      near.write(Buffer.from([byte]))
      await turn()
    }
    near.end()
    expect(await eventually(() => far.readableLength === 2 * COUNT)).toBe(true)
    const texts: string[] = []
    for await (const text of far) texts.push(text)
    expect(texts.join('')).toBe(sent.toString('hex'))
    far.destroy()
  })

  test('to whoever waits until a whole frame is there', async () => {
    const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    let frame: Buffer | undefined
    far.on('readable', () => {
      if (far.readableLength >= COUNT) frame = far.read(COUNT)
    })
    for (const byte of sent) {
      near.write(Buffer.from([byte]))
      await turn()
    }
    expect(await eventually(() => frame !== undefined)).toBe(true)
    expect(frame?.equals(sent)).toBe(true)
    near.destroy()
    far.destroy()
  })

  test('to whoever had paused', async () => {
    const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    const chunks: Buffer[] = []
    far.on('data', (chunk: Buffer) => chunks.push(chunk)).pause()
    for (const byte of sent) {
      near.write(Buffer.from([byte]))
      await turn()
    }
    near.end()
    expect(await eventually(() => far.readableLength >= LIMIT)).toBe(true)
    expect(chunks).toEqual([])
    far.resume()
    expect(await eventually(() => far.readableEnded)).toBe(true)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    far.destroy()
  })

  test('and leaves the high-water mark where the last chunk passes it', async () => {
    const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    const { readableHighWaterMark } = far
    const small = Buffer.alloc(Math.floor((readableHighWaterMark - 1) / (LIMIT - 1)), 1)
    const sent = [...Array<Buffer>(LIMIT - 1).fill(small), Buffer.alloc(1000, 2)]
    for (const chunk of sent) {
      near.write(chunk)
      await turn()
    }
    const size = Buffer.concat(sent).length
    expect(await eventually(() => far.readableLength === size)).toBe(true)
    expect(size).toBeGreaterThan(readableHighWaterMark)
    expect(far.readableHighWaterMark).toBe(readableHighWaterMark)
    near.end()
    const chunks: Buffer[] = []
    for await (const chunk of far) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(Buffer.concat(sent))).toBe(true)
  })

  test('to whoever reads little at a time', () =>
    withDrops(async (far) => {
      const chunks: Buffer[] = []
      far.on('readable', () => {
        for (let chunk = far.read(7); chunk !== null; chunk = far.read(7)) chunks.push(chunk)
      })
      expect(await eventually(() => far.readableEnded)).toBe(true)
      expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    }))

  test('to a web stream', () =>
    withDrops(async (far) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of far.web().readable) chunks.push(chunk)
      expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    }))
})

describe('a stream that waits for its reader goes on', () => {
  const test = given(scheme('unix', 'kernel'))
  const closeAll = (fds: number[]): void => fds.forEach((fd) => void closeSync(fd))

  test('after 64 descriptors, where the reader leaves the rest of a frame each time', async () => {
    const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    let frames = 0
    far.on('fds', closeAll).on('readable', () => {
      for (; far.readableLength >= 16; frames++) far.read(16)
    })
    // Each chunk ends within a frame.
    for (let count = 0; count < 200; count++)
      near.writeWithFds(Buffer.alloc(count === 0 ? 19 : 16), [near.fd as number])
    expect(await eventually(() => frames === 200)).toBe(true)
    near.destroy()
    far.destroy()
  })

  test('where the listener for data asks for more, and then puts back more than the high-water mark', async () => {
    const [near, far] = socketpair('unix', { highWaterMark: 4 }) as [StreamEndpoint, StreamEndpoint]
    far.once('data', (chunk: Buffer) => {
      far.pause()
      expect(far.read()).toBeNull()
      far.unshift(chunk)
    })
    near.write('first')
    expect(await eventually(() => far.readableLength === 5)).toBe(true)
    near.end(' second')
    const chunks: Buffer[] = []
    for await (const chunk of far) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('first second')
  })

  test('after 64 descriptors, where it is read by a listener for data first and by readable then', async () => {
    const [near, far] = socketpair('unix', { highWaterMark: 1 }) as [StreamEndpoint, StreamEndpoint]
    far.on('fds', closeAll).pause()
    near.writeWithFds(Buffer.from('a'), Array<number>(64).fill(near.fd as number))
    far.read(0)
    expect(await eventually(() => far.readableLength === 1)).toBe(true)
    await new Promise((resolve) =>
      far
        .once('data', resolve)
        .once('data', () => far.pause())
        .resume(),
    )
    const more = new Promise((resolve) => far.once('readable', () => resolve(String(far.read()))))
    near.write('b')
    expect(await more).toBe('b')
    near.destroy()
    far.destroy()
  })
})
