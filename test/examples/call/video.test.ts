import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
// The package's own copy, as the example has it: errors are told by its classes.
import { AbortError, connect, type Listener, listen, type StreamEndpoint, socketpair } from 'polysocket'
import { expect, test } from 'vitest'
import { type ReceiveVideoOptions, receiveVideo, type VideoReport } from '../../../examples/call/video/receive-video.ts'
import { type SendVideoOptions, sendVideo } from '../../../examples/call/video/send-video.ts'
import { encodeHeader, type VideoHeader } from '../../../examples/call/video/video-header.ts'
import { noise, python as runPython, sha256 } from '../../cli/support.ts'
import { MiB } from '../../support/bytes.ts'
import { given, nothing, python, scheme } from '../../support/need.ts'
import { eventually, openDescriptors } from '../../support/resources.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary.ts'

const PATH = join(import.meta.dirname, '../../../examples/call/media/video.mp4')
const FILE: Buffer = await readFile(PATH)
const HEADER: VideoHeader = { name: 'video.mp4', size: FILE.length, sha256: sha256(FILE) }

let names = 0

const places = [
  { title: 'tcp', need: scheme('tcp'), address: () => 'tcp://127.0.0.1:0' },
  { title: 'tcp, node engine', need: nothing, address: () => 'tcp://127.0.0.1:0', engine: 'node' as const },
  { title: 'unix', need: scheme('unix'), address: ({ file }: TemporaryDirectory) => `unix:${file('video')}` },
  { title: 'memory', need: nothing, address: () => `memory:video-${names++}` },
  { title: 'memory, a bad link', need: nothing, address: () => `memory:video-${names++}?loss=0.05&delay=40&seed=3` },
]

interface Delivered {
  readonly sent: Awaited<ReturnType<typeof sendVideo>>
  readonly report: VideoReport
}

async function deliver(
  listener: Listener,
  path: string,
  sending: SendVideoOptions = {},
  receiving: ReceiveVideoOptions = {},
): Promise<Delivered> {
  const accepted = listener.accept()
  const endpoint = (await connect(listener.address)) as StreamEndpoint
  const receiver = (await accepted) as StreamEndpoint
  const [sent, report] = await Promise.all([sendVideo(endpoint, path, sending), receiveVideo(receiver, receiving)])
  expect(endpoint.destroyed && receiver.destroyed).toBe(true)
  return { sent, report }
}

/** What a sender of our own makes of these bytes; it ends the stream behind them. */
async function receive(bytes: Uint8Array, options?: ReceiveVideoOptions): Promise<VideoReport> {
  const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
  sender.on('error', () => undefined)
  sender.end(bytes)
  return receiveVideo(receiver, options).finally(() => sender.destroy())
}

function promised(header: object, film: Uint8Array = FILE): Buffer {
  return Buffer.concat([encodeHeader(header as VideoHeader), film])
}

for (const { title, need, address, engine } of places) {
  given(need)(`a film arrives whole and is seen from beginning to end (${title})`, async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(address(directory), engine === undefined ? {} : { engine })
    const saveAs = directory.file('received.mp4')
    const { sent, report } = await deliver(listener, PATH, {}, { saveAs })
    expect(report).toMatchObject({ name: 'video.mp4', bytes: FILE.length, size: FILE.length, whole: true })
    expect(report).toMatchObject({ duration: 6, frames: 150, framesInFilm: 150 })
    expect(report.startUp).toBeGreaterThan(0)
    expect(report.throughput).toBeCloseTo(FILE.length / report.seconds)
    expect(sent.bytes).toBe(FILE.length)
    expect(FILE.equals(await readFile(saveAs))).toBe(true)
    expect(existsSync(`${saveAs}.part`)).toBe(false)
  })
}

test('a sender at four times real time takes a quarter of the time', async () => {
  await using listener = await listen(`memory:video-${names++}`)
  const { sent, report } = await deliver(listener, PATH, { rate: 4 })
  expect(report.whole).toBe(true)
  // The last piece goes when the ones before it have had their time.
  expect(sent.seconds).toBeGreaterThan((6 / 4) * 0.9)
  expect(report.seconds).toBeGreaterThan((6 / 4) * 0.8)
})

test('a rate that is none, and a file that has none', async () => {
  await using directory = await temporaryDirectory()
  await writeFile(directory.file('text'), 'no film')
  const send = async (path: string, rate?: number): Promise<unknown> => {
    const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
    receiver.resume().on('error', () => undefined)
    const sending = sendVideo(sender, path, rate === undefined ? {} : { rate })
    return sending.catch((error: Error) => error.message).finally(() => receiver.destroy())
  }
  expect(await send(PATH, 0)).toMatch(/rate is 0/)
  expect(await send(PATH, Number.NaN)).toMatch(/rate is NaN/)
  expect(await send(directory.file('text'), 1)).toMatch(/is no film/)
  expect(await send(directory.file('nothing'))).toMatch(/ENOENT/)
  expect(await send(directory.path)).toMatch(/is not a file/)
})

test('an empty file, and one that is no film, arrive whole and say why nothing is seen', async () => {
  await using directory = await temporaryDirectory()
  await using listener = await listen(`memory:video-${names++}`)
  const contents = { empty: Buffer.alloc(0), noise: noise(1_000_000) }
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(directory.file(name), content)
    const saveAs = directory.file(`${name}.received`)
    const { report } = await deliver(listener, directory.file(name), {}, { saveAs })
    expect(report).toMatchObject({ name, bytes: content.length, whole: true, frames: 0 })
    expect(report.problem).toMatch(/no film/)
    expect(content.equals(await readFile(saveAs))).toBe(true)
  }
})

/** Its own idea of the protocol; what it sends and in what pieces are its arguments. */
const SENDER = `
import hashlib, json, socket, struct, sys
scheme, place, path, piece = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
s = socket.socket(socket.AF_INET if scheme == 'tcp' else socket.AF_UNIX)
s.connect(('127.0.0.1', int(place)) if scheme == 'tcp' else place)
film = open(path, 'rb').read()
header = json.dumps({'name': 'from python \\u00e4', 'size': len(film), 'sha256': hashlib.sha256(film).hexdigest()}).encode()
sent = struct.pack('>I', len(header)) + header + film
for at in range(0, len(sent), piece):
    s.sendall(sent[at:at + piece])
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b''
`

/** Reads as the protocol says, and tells what it read. */
const RECEIVER = `
import hashlib, json, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile('rb')
length, = struct.unpack('>I', f.read(4))
header = json.loads(f.read(length))
film = f.read()
print(json.dumps([header, len(film), hashlib.sha256(film).hexdigest()]))
`

given(
  python,
  scheme('tcp'),
  scheme('unix'),
)("Python's socket as the sender, in pieces of any size", async () => {
  await using directory = await temporaryDirectory()
  for (const [from, piece] of [
    ['tcp://127.0.0.1:0', 1_000_000],
    [`unix:${directory.file('a')}`, 7],
  ] as const) {
    await using listener = await listen(from)
    const { scheme: name, port, path } = listener.address as { scheme: string; port?: number; path?: string }
    const sender = runPython(SENDER, name, String(port ?? path), PATH, String(piece))
    const report = await receiveVideo((await listener.accept()) as StreamEndpoint)
    expect(report).toMatchObject({ name: 'from python ä', whole: true, bytes: FILE.length, frames: 150 })
    expect(await sender.done).toMatchObject({ code: 0, stderr: '' })
  }
})

given(python, scheme('unix'))("Python's socket as the receiver", async () => {
  await using directory = await temporaryDirectory()
  await using listener = await listen(`unix:${directory.file('b')}`)
  const receiver = runPython(RECEIVER, directory.file('b'))
  await sendVideo((await listener.accept()) as StreamEndpoint, PATH)
  const { stdout, stderr } = await receiver.done
  expect(stderr).toBe('')
  expect(JSON.parse(stdout.toString())).toEqual([HEADER, FILE.length, HEADER.sha256])
})

test('all in one piece, and byte by byte', async () => {
  expect(await receive(promised(HEADER))).toMatchObject({ whole: true, frames: 150 })
  const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
  const report = receiveVideo(receiver)
  for (const byte of promised({ ...HEADER, size: 3 }, FILE.subarray(0, 3))) {
    sender.write(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  sender.end()
  expect(await report).toMatchObject({ whole: false, bytes: 3, size: 3 })
})

test('a stream that ends early is reported with what came, and leaves no file', async () => {
  await using directory = await temporaryDirectory()
  const saveAs = directory.file('film.mp4')
  const before = openDescriptors()
  const report = await receive(promised(HEADER, FILE.subarray(0, 150_000)), { saveAs })
  expect(openDescriptors()).toBeLessThanOrEqual(before)
  expect(report).toMatchObject({ whole: false, bytes: 150_000, size: FILE.length, framesInFilm: 150 })
  expect(report.frames).toBeGreaterThan(0)
  expect(report.frames).toBeLessThan(150)
  expect(report.broken).toBeUndefined()
  expect(existsSync(saveAs) || existsSync(`${saveAs}.part`)).toBe(false)
})

test('a stream that breaks is reported with what broke it', async () => {
  await using listener = await listen(`memory:video-${names++}?cut=100000`)
  const accepted = listener.accept()
  const sender = (await connect(listener.address)) as StreamEndpoint
  const [sent, report] = await Promise.all([
    sendVideo(sender, PATH).catch((error: unknown) => error),
    receiveVideo((await accepted) as StreamEndpoint),
  ])
  expect(sent).toMatchObject({ code: 'ECONNRESET' })
  expect(report).toMatchObject({ whole: false, size: FILE.length, broken: { code: 'ECONNRESET' } })
  // What the stream had not handed out yet when it broke is gone, as with any stream of Node's.
  expect(report.bytes).toBeGreaterThan(0)
  expect(report.bytes).toBeLessThanOrEqual(100_000 - encodeHeader(HEADER).length)
})

test('other bytes of the right number are not the film', async () => {
  const film = Buffer.from(FILE)
  film[200_000] = (film[200_000] as number) ^ 1
  expect(await receive(promised(HEADER, film))).toMatchObject({ whole: false, bytes: FILE.length })
  const more = { ...HEADER, size: FILE.length + 1 }
  expect(await receive(promised(more))).toMatchObject({ whole: false, bytes: FILE.length })
})

test('more than was promised is an error', async () => {
  await expect(receive(promised(HEADER, Buffer.concat([FILE, Buffer.of(0)])))).rejects.toThrow(
    `more came than the ${FILE.length} bytes that were promised`,
  )
  const nothingPromised = { ...HEADER, size: 0, sha256: createHash('sha256').digest('hex') }
  await expect(receive(promised(nothingPromised))).rejects.toThrow('more came than the 0 bytes')
  expect(await receive(promised(nothingPromised, Buffer.alloc(0)))).toMatchObject({ whole: true })
})

test.each([
  ['no size', { ...HEADER, size: undefined }, /size/],
  ['a size below nothing', { ...HEADER, size: -1 }, /size/],
  ['half a byte', { ...HEADER, size: 0.5 }, /size/],
  ['a size that no number holds', { ...HEADER, size: 2 ** 53 }, /size/],
  ['a name that leads elsewhere', { ...HEADER, name: '../video.mp4' }, /name/],
  ['the name of the folder', { ...HEADER, name: '..' }, /name/],
  ['a name with a line break', { ...HEADER, name: 'a\nb' }, /name/],
  ['no name', { ...HEADER, name: '' }, /name/],
  ['another digest', { ...HEADER, sha256: 'abc' }, /sha256/],
])('a header with %s', async (_, header, reason) => {
  await expect(receive(promised(header))).rejects.toThrow(reason)
})

test('a header that is none', async () => {
  const framed = (text: string): Buffer => Buffer.concat([Buffer.of(0, 0, 0, text.length), Buffer.from(text)])
  await expect(receive(framed('{"name"'))).rejects.toThrow('malformed: it is not JSON')
  await expect(receive(framed('null'))).rejects.toThrow('malformed: it is not an object')
  await expect(receive(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).rejects.toThrow('too long: 1195725856 bytes')
  await expect(receive(Buffer.of(0, 0))).rejects.toThrow('ended before the header')
  await expect(receive(Buffer.alloc(0))).rejects.toThrow('ended before the header')
})

test('abort: before, while nothing comes, and in the midst of the film, on either side', async () => {
  await using directory = await temporaryDirectory()
  const saveAs = directory.file('film.mp4')
  const reason = new Error('enough')
  for (const bytes of [undefined, Buffer.alloc(0), encodeHeader(HEADER), promised(HEADER, FILE.subarray(0, 100_000))]) {
    const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
    const closed = new Promise((resolve) => sender.on('error', () => undefined).once('close', resolve))
    sender.resume()
    const abort = new AbortController()
    if (bytes === undefined) abort.abort(reason)
    const receiving = receiveVideo(receiver, { saveAs, signal: abort.signal })
    if (bytes !== undefined) {
      await new Promise((resolve) => sender.write(bytes, resolve))
      // Read, as far as anything was sent.
      while (receiver.bytesRead < bytes.length) await new Promise(setImmediate)
      abort.abort(reason)
    }
    const error = await receiving.catch((error: unknown) => error)
    expect(error).toBeInstanceOf(AbortError)
    expect(error).toMatchObject({ cause: reason })
    await closed
    expect(existsSync(saveAs) || existsSync(`${saveAs}.part`)).toBe(false)
  }
  const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
  const abort = new AbortController()
  receiver.once('readable', () => abort.abort(reason))
  receiver.on('error', () => undefined)
  // Nobody reads: it cannot have been sent.
  await expect(sendVideo(sender, PATH, { signal: abort.signal })).rejects.toBeInstanceOf(AbortError)
  expect(sender.destroyed).toBe(true)
  receiver.destroy()
})

test('a receiver that goes away is an error of the sender', async () => {
  const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
  receiver.once('data', () => receiver.resetAndDestroy())
  await expect(sendVideo(sender, PATH)).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a receiver that closes, or an abort, while the film is still examined: it is not read to its end', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('huge')
  await writeFile(path, '')
  // It takes no room on the disk, and minutes to read.
  await truncate(path, 2 ** 36)
  const before = openDescriptors()
  const leave = async (way: (receiver: StreamEndpoint, abort: AbortController) => void): Promise<unknown> => {
    const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
    receiver.resume().on('error', () => undefined)
    const abort = new AbortController()
    const sending = sendVideo(sender, path, { signal: abort.signal }).catch((error: unknown) => error)
    await eventually(() => openDescriptors() > before)
    way(receiver, abort)
    const error = await sending
    receiver.destroy()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
    return error
  }
  expect(await leave((receiver) => receiver.end())).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  expect(await leave((receiver) => receiver.resetAndDestroy())).toMatchObject({ code: 'ECONNRESET' })
  expect(await leave((_, abort) => abort.abort())).toBeInstanceOf(AbortError)
})

test('a film is sent when the receiver has closed, not when it has come', async () => {
  const [sender, receiver] = socketpair('memory', { allowHalfOpen: true }) as [StreamEndpoint, StreamEndpoint]
  let isSent = false
  const sending = sendVideo(sender, PATH).then(() => (isSent = true))
  await once(receiver.resume(), 'end')
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  expect(isSent).toBe(false)
  receiver.end()
  await sending
})

test('a file that changes while it is sent: no more goes than was promised, and less is an error', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('film')
  const size = 4 * MiB
  const during = async (change: () => Promise<void>): Promise<[VideoReport, unknown]> => {
    await writeFile(path, noise(size))
    const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
    receiver.pause()
    const sending = sendVideo(sender, path).catch((error: unknown) => error)
    while (sender.writableLength === 0) await new Promise(setImmediate)
    await change()
    return Promise.all([receiveVideo(receiver), sending])
  }
  const [grown, sent] = await during(() => appendFile(path, 'more'))
  expect([grown, sent]).toMatchObject([{ whole: true, bytes: size }, { bytes: size }])
  const [shorter, error] = await during(() => truncate(path, size - 1))
  expect(shorter).toMatchObject({ whole: false, size })
  expect(error).toMatchObject({ message: expect.stringContaining('became shorter while it was sent') })
})

test('a receiver that does not read holds up the sender', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('large')
  await writeFile(path, noise(4 * 1024 * 1024))
  const [sender, receiver] = socketpair('memory') as [StreamEndpoint, StreamEndpoint]
  receiver.pause()
  const sending = sendVideo(sender, path)
  // Full to the brim: it holds what the two buffers and the memory's pipe hold, and no more.
  while (sender.writableLength === 0) await new Promise(setImmediate)
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
  expect(sender.bytesWritten).toBeLessThan(1024 * 1024)
  const report = await receiveVideo(receiver)
  expect(report).toMatchObject({ whole: true, bytes: 4 * 1024 * 1024 })
  await sending
})
