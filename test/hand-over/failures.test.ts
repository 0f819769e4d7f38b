import { closeSync, existsSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect } from 'vitest'
import { loadAddon } from '../../src/engine/addon.ts'
import { connect, type Listener, listen, type StreamEndpoint, socketpair, takeOver } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { outOfRange } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const test = given(scheme('unix'))

beforeAll(buildOnce, 120_000)

const ask = [2, 1, 0, 0]
const offer = [2, 2, 0, 0]
const taken = [2, 3, 0, 0]
const left = [2, 4, 0, 0]

const opened: StreamEndpoint[] = []

noDescriptorsLeft(() => {
  for (const endpoint of opened.splice(0)) endpoint.destroy()
})

function channel(): [StreamEndpoint, StreamEndpoint] {
  const ends = socketpair('unix')
  for (const end of ends) opened.push(end)
  return ends
}

/** The other process where a test plays it: its resets are expected. */
function played(endpoint: StreamEndpoint): StreamEndpoint {
  return endpoint.on('error', () => undefined)
}

async function stillWorks(listener: Listener<StreamEndpoint>): Promise<void> {
  const [client, served] = await Promise.all([connect(listener.address), listener.accept({ timeout: 5000 })])
  served.end('works')
  expect(String(await new Promise((resolve) => (client as StreamEndpoint).once('data', resolve)))).toBe('works')
  for (const end of [client, served]) (end as StreamEndpoint).destroy()
}

function frames(endpoint: StreamEndpoint): { bytes: number[]; fds: number[] } {
  const seen = { bytes: [] as number[], fds: [] as number[] }
  endpoint.on('fds', (fds: number[]) => seen.fds.push(...fds))
  endpoint.on('data', (data: Buffer) => seen.bytes.push(...data))
  return seen
}

describe('a listener that could not be handed over goes on', () => {
  /** What the other process does, and what becomes of handOver. */
  const cases: [string, (theirs: StreamEndpoint) => void | Promise<void>, string][] = [
    ['the other process ends at once', (theirs) => void theirs.end(), 'ECONNRESET'],
    ['the other process dies at once', (theirs) => void theirs.destroy(), 'ECONNRESET'],
    [
      'the other process ends within its question',
      (theirs) => void theirs.end(Buffer.from(ask.slice(0, 3))),
      'ECONNRESET',
    ],
    [
      'the other process dies when it has the socket',
      async (theirs) => {
        const seen = frames(theirs)
        theirs.write(Buffer.from(ask))
        await eventually(() => seen.bytes.length >= 4)
        expect(seen.fds).toHaveLength(2)
        theirs.destroy()
        for (const fd of seen.fds) closeSync(fd)
      },
      'ECONNRESET',
    ],
    [
      'the other process dies before it has read the offer',
      async (theirs) => {
        theirs.pause()
        theirs.write(Buffer.from(ask))
        await sleep(50)
        theirs.destroy()
      },
      'ECONNRESET',
    ],
    ['the version before', (theirs) => void theirs.write(Buffer.from([1, 1, 0, 0])), 'EPROTO'],
    ['a version to come', (theirs) => void theirs.write(Buffer.from([3, 1, 0, 0])), 'EPROTO'],
    ['another protocol', (theirs) => void theirs.write('GET / HTTP/1.1\r\n\r\n'), 'EPROTO'],
    ['another kind of frame', (theirs) => void theirs.write(Buffer.from(taken)), 'EPROTO'],
    ['a frame that is too long', (theirs) => void theirs.write(Buffer.from([2, 1, 0xff, 0xff])), 'EPROTO'],
    [
      'nonsense where the answer should be',
      (theirs) => void (theirs.write(Buffer.from([...ask, ...ask])) && theirs.resume()),
      'EPROTO',
    ],
  ]
  for (const [what, act, code] of cases) {
    test(what, async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using listener = await listen(`unix:${path}`)
      const [ours, theirs] = channel()
      const failed = expect(listener.handOver(ours, { timeout: 5000 })).rejects.toMatchObject({ code })
      await act(played(theirs))
      await failed
      expect(ours.destroyed).toBe(true)
      await stillWorks(listener)
      await listener.close()
      expect(existsSync(path)).toBe(false)
    })
  }

  test('the timeout and the abort, before the question and before the answer', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    for (const question of [[], ask]) {
      const [ours, theirs] = channel()
      played(theirs).write(Buffer.from(question))
      theirs.resume()
      await expect(listener.handOver(ours, { timeout: 50 })).rejects.toMatchObject({
        code: 'ETIMEDOUT',
        syscall: 'handOver',
      })
      const [other, peer] = channel()
      played(peer).write(Buffer.from(question))
      peer.resume()
      const controller = new AbortController()
      const aborted = listener.handOver(other, { signal: controller.signal })
      setTimeout(() => controller.abort(new Error('why')), 20)
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'why' } })
      expect([ours.destroyed, other.destroyed]).toEqual([true, true])
    }
    const [ours] = channel()
    await expect(listener.handOver(ours, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await stillWorks(listener)
  })

  test('an answer that is there already counts, though nobody has read it when it is aborted', async () => {
    const listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    theirs.write(Buffer.from(ask))
    const controller = new AbortController()
    const given = listener.handOver(ours, { signal: controller.signal })
    await eventually(() => seen.fds.length === 2)
    writeSync(theirs.fd as number, Buffer.from(taken))
    controller.abort()
    await given
    expect(listener.closed).toBe(true)
    for (const fd of seen.fds) closeSync(fd)
  })

  test('the token that is taken counts, though nobody has said so when it is aborted', async () => {
    const listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    theirs.write(Buffer.from(ask))
    const given = listener.handOver(ours, { timeout: 200 })
    await eventually(() => seen.fds.length === 2)
    expect(readSync(seen.fds[1] as number, Buffer.alloc(8))).toBe(1)
    await given
    expect(listener.closed).toBe(true)
    expect(readSync(seen.fds[1] as number, Buffer.alloc(8))).toBe(0)
    for (const fd of seen.fds) closeSync(fd)
  })

  test('the token that is left is taken back: who comes late has nothing', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    theirs.write(Buffer.from(ask))
    const given = listener.handOver(ours, { timeout: 200 })
    await expect(given).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(await eventually(() => seen.fds.length === 2)).toBe(true)
    expect(readSync(seen.fds[1] as number, Buffer.alloc(8))).toBe(0)
    for (const fd of seen.fds) closeSync(fd)
    await stillWorks(listener)
  })

  test('closing it meanwhile is closing it', async () => {
    await using directory = await temporaryDirectory()
    for (const question of [[], ask]) {
      const path = directory.file('socket')
      const listener = await listen(`unix:${path}`)
      const [ours, theirs] = channel()
      played(theirs).write(Buffer.from(question))
      theirs.resume()
      const given = expect(listener.handOver(ours)).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
      await sleep(20)
      await listener.close()
      await given
      expect(existsSync(path)).toBe(false)
    }
  })

  test('a process that has no descriptor left for it', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen('tcp://127.0.0.1:0')
    await using control = await listen(`unix:${directory.file('control')}`)
    const script = new URL('scripts/exhausted.mjs', import.meta.url)
    await using child = startNode(script, [directory.file('control')], { descriptors: 64 })
    const ours = await control.accept()
    await expect(listener.handOver(ours)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await child.report()).toEqual({ code: 'EMFILE' })
    await stillWorks(listener)
  })

  test('to two at once: the second is refused', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const [other] = channel()
    const given = listener.handOver(ours)
    await expect(listener.handOver(other)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    expect(other.destroyed).toBe(false)
    const mine = await takeOver(theirs)
    await given
    await stillWorks(mine as Listener<StreamEndpoint>)
    await mine.close()
  })

  test('over a stream that carries no descriptors, and of an engine that has none', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [client, served] = await Promise.all([connect(listener.address), listener.accept()])
    opened.push(client as StreamEndpoint, served)
    const took = expect(takeOver(client as StreamEndpoint)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await expect(listener.handOver(served)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await took
    await using memory = await listen('memory:hand-over')
    await using node = await listen('tcp://127.0.0.1:0', { engine: 'node' })
    const [ours] = channel()
    for (const other of [memory, node]) {
      await expect(other.handOver(ours)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    }
    expect(ours.destroyed).toBe(false)
    await stillWorks(listener)
  })

  test('arguments of the wrong type', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [ours] = channel()
    for (const wrong of [undefined, null, {}, 7, listener]) {
      await expect(listener.handOver(wrong as StreamEndpoint)).rejects.toThrow(TypeError)
      await expect(takeOver(wrong as StreamEndpoint)).rejects.toThrow(TypeError)
    }
    await expect(listener.handOver(ours, { timeout: -1 })).rejects.toEqual(outOfRange)
    await expect(takeOver(ours, { maxConnections: -1 })).rejects.toEqual(outOfRange)
    await expect(takeOver(ours, { noDelay: true } as object)).rejects.toMatchObject({ code: 'ERR_OPTION_UNKNOWN' })
    expect(ours.destroyed).toBe(false)
    await stillWorks(listener)
  })
})

describe('what is taken over must be a listening socket', () => {
  const withText = (text: string): Buffer => Buffer.concat([Buffer.from([2, 2, 0, text.length]), Buffer.from(text)])

  /** A token: one byte in a socket whose other end is closed. */
  function token(): number {
    const [kept, filled] = channel()
    writeSync(filled.fd as number, 'x')
    filled.destroy()
    return kept.fd as number
  }

  /** Offers these descriptors with this frame to a takeOver. */
  async function offered(frame: Uint8Array, fds: readonly number[], options: object = {}): Promise<unknown> {
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    const result = takeOver(ours, { timeout: 5000, ...options }).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    )
    await eventually(() => seen.bytes.length === 4)
    expect(seen.bytes).toEqual(ask)
    if (fds.length === 0) theirs.write(frame)
    else theirs.writeWithFds(frame, fds)
    const error = await result
    expect(ours.destroyed).toBe(true)
    return error
  }

  test('not a connection, a message socket or a file', async () => {
    const [stream] = channel()
    const [message, peer] = socketpair('unixgram')
    const file = openSync('/dev/null', 'r')
    const connection = stream.fd as number
    expect(await offered(Buffer.from(offer), [connection, token()])).toMatchObject({ code: 'EPROTO' })
    expect(await offered(Buffer.from(offer), [message.fd as number, token()])).toMatchObject({ code: 'EPROTO' })
    expect(await offered(Buffer.from(offer), [file, token()])).toMatchObject({ code: 'ENOTSOCK' })
    closeSync(file)
    await message.close()
    await peer.close()
  })

  test('not none, not one, and not three', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const fd = listener.fd as number
    expect(await offered(Buffer.from(offer), [])).toMatchObject({ code: 'EPROTO' })
    expect(await offered(Buffer.from(offer), [fd])).toMatchObject({ code: 'EPROTO' })
    expect(await offered(Buffer.from(offer), [fd, token(), token()])).toMatchObject({ code: 'EPROTO' })
    await stillWorks(listener)
  })

  test('with a token that is there: not one that is taken, a connection that is silent, or a file', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const fd = listener.fd as number
    const file = openSync('/dev/zero', 'r')
    const ends = new Int32Array(2)
    loadAddon().addon?.socketpair(1, 1, 0, ends)
    const [taken, other] = ends as unknown as [number, number]
    loadAddon().addon?.close(other)
    for (const wrong of [taken, channel()[0].fd as number, file]) {
      expect(await offered(Buffer.from(offer), [fd, wrong])).toMatchObject({ code: 'ECONNRESET' })
    }
    loadAddon().addon?.close(taken)
    closeSync(file)
    await stillWorks(listener)
  })

  test('nor with a frame that cannot be: the descriptor that came with it is closed', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const fds = [listener.fd as number, token()]
    for (const frame of [[9, 2, 0, 0], [1, 2, 0, 0], ask, taken, left, [2, 2, 0xff, 0xff], [255, 255, 255, 255]]) {
      expect(await offered(Buffer.from(frame), fds)).toMatchObject({ code: 'EPROTO' })
    }
    expect(await offered(Buffer.from([2, 2, 0, 9, 7]), fds, { timeout: 100 })).toMatchObject({ code: 'ETIMEDOUT' })
    await stillWorks(listener)
  })

  test('nor with a file that cannot be, which is not removed', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using listener = await listen(`unix:${path}`)
    const fds = [listener.fd as number, token()]
    for (const text of ['x', '1 2', '1 2 !', '-1 2 L3g=', `${'9'.repeat(21)} 2 L3g=`, '1 2 L3g= ', '{}']) {
      expect(await offered(withText(text), fds), text).toMatchObject({ code: 'EPROTO' })
    }
    expect(existsSync(path)).toBe(true)
    await stillWorks(listener)
  })

  test("nor with somebody else's file, which is not removed", async () => {
    await using directory = await temporaryDirectory()
    await using victim = await listen(`unix:${directory.file('victim')}`)
    await using other = await listen(`unix:${directory.file('other')}`)
    await using abstract = await listen(`unix:@hostile-${process.pid}`)
    const { dev, ino } = statSync(directory.file('victim'), { bigint: true })
    const text = withText(`${dev} ${ino} ${Buffer.from(directory.file('victim')).toString('base64')}`)
    for (const listener of [other, abstract]) {
      expect(await offered(text, [listener.fd as number, token()])).toMatchObject({ code: 'EPROTO' })
    }
    expect(existsSync(directory.file('victim'))).toBe(true)
    await stillWorks(victim)
  })

  test('an option that the socket does not have closes ours alone', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const error = await offered(Buffer.from(offer), [listener.fd as number, token()], { allow: () => true })
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await stillWorks(listener)
  })

  test('when the giver is gone before it could be told, the socket is ours, with its file', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using listener = await listen(`unix:${path}`)
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    const result = takeOver(ours, { timeout: 10_000 })
    await eventually(() => seen.bytes.length === 4)
    const { dev, ino } = statSync(path, { bigint: true })
    const file = withText(`${dev} ${ino} ${Buffer.from(path).toString('base64')}`)
    theirs.writeWithFds(file, [listener.fd as number, token()], () => theirs.destroy())
    const taken = await result
    expect(ours.destroyed).toBe(true)
    await stillWorks(taken as Listener<StreamEndpoint>)
    await taken.close()
    expect(existsSync(path)).toBe(false)
  })

  test('a giver that does not answer any more costs a second and the stream', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const seen = frames(played(theirs))
    const result = takeOver(ours, { timeout: 50 })
    await eventually(() => seen.bytes.length === 4)
    theirs.writeWithFds(Buffer.from(offer), [listener.fd as number, token()])
    const taken = await result
    expect(ours.destroyed).toBe(true)
    await stillWorks(taken as Listener<StreamEndpoint>)
    await taken.close()
  })

  test('who has given up before takes nothing, and asks for nothing', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const [ours, theirs] = channel()
    const seen = frames(theirs)
    const given = expect(listener.handOver(played(theirs))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await expect(takeOver(ours, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await given
    expect(seen.bytes).toEqual([])
    await stillWorks(listener)
  })

  test('the timeout and the abort, before and within the offer', async () => {
    for (const part of [[], offer.slice(0, 2)]) {
      const [ours, theirs] = channel()
      played(theirs).resume()
      if (part.length > 0) theirs.writeWithFds(Buffer.from(part), [0, 0])
      await expect(takeOver(ours, { timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'takeOver' })
      const [other, peer] = channel()
      played(peer).resume()
      const controller = new AbortController()
      const aborted = takeOver(other, { signal: controller.signal })
      if (part.length > 0) peer.writeWithFds(Buffer.from(part), [0, 0])
      setTimeout(() => controller.abort(), 20)
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
    }
  })
})
