import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { FilmReader } from '../../../examples/call/video/film.ts'
import { type PlaybackReport, Player, type PlayerOptions } from '../../../examples/call/video/player.ts'
import { given, program } from '../../support/need.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const PATH = join(import.meta.dirname, '../../../examples/call/media/video.mp4')
const FILE: Buffer = await readFile(PATH)
const ffmpeg = program('ffmpeg', ['-version'], 'apt-get install ffmpeg')

function read(file: Uint8Array): FilmReader {
  const reader = new FilmReader()
  reader.feed(file)
  return reader
}

const FRAMES = read(FILE).film?.frames ?? []

/** How many bytes are needed to show everything before this moment of the film. */
function bytesUntil(seconds: number): number {
  const shown = FRAMES.filter(({ at }) => at < seconds - 1e-9)
  return Math.max(...shown.map(({ needs }) => needs))
}

/** Feeds the file in these parts: up to which byte, and when. */
function play(parts: readonly (readonly [end: number, now: number])[], options?: PlayerOptions): PlaybackReport {
  const player = new Player(0, options)
  let start = 0
  for (const [end, now] of parts) {
    player.feed(FILE.subarray(start, end), now)
    start = end
  }
  return player.finish(parts.at(-1)?.[1] ?? 0)
}

given(ffmpeg)('the times of the frames are those that ffprobe reads from the file', () => {
  const output = execFileSync(
    'ffprobe',
    ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'packet=pts_time,pos,size', '-of', 'json', PATH],
    { encoding: 'utf8' },
  )
  const { packets } = JSON.parse(output) as { packets: { pts_time: string; pos: string; size: string }[] }
  let needs = 0
  const frames = packets
    .map(({ pts_time, pos, size }) => {
      needs = Math.max(needs, Number(pos) + Number(size))
      return { at: Number(pts_time), needs }
    })
    .sort((one, other) => one.at - other.at)
  expect(FRAMES).toHaveLength(150)
  FRAMES.forEach((frame, index) => {
    expect(frame.at).toBeCloseTo(frames[index]?.at ?? Number.NaN, 5)
    expect(frame.needs).toBe(frames[index]?.needs)
  })
  expect(read(FILE).film?.duration).toBeCloseTo(6)
})

test('what is there at once starts at once and never stalls', () => {
  expect(play([[FILE.length, 120]])).toEqual({
    startUp: 120,
    stalls: 0,
    stalledFor: 0,
    duration: 6,
    frames: 150,
    framesInFilm: 150,
  })
})

test('it starts when half a second of film is there, not a byte earlier', () => {
  const enough = bytesUntil(0.5)
  expect(
    play([
      [enough - 1, 100],
      [enough, 250],
      [FILE.length, 300],
    ]).startUp,
  ).toBe(250)
  expect(
    play(
      [
        [enough - 1, 100],
        [enough, 250],
        [FILE.length, 300],
      ],
      { startAfter: 0.1 },
    ).startUp,
  ).toBe(100)
  // The next picture is that of 0.52 s.
  for (const [startAfter, startUp] of [
    [0.52, 250],
    [0.53, 400],
  ] as const) {
    const player = new Player(0, { startAfter })
    player.feed(FILE.subarray(0, enough), 250)
    expect(player.finish(400).startUp).toBe(startUp)
  }
})

test('a stall lasts from when the picture is due until enough is there again, to the millisecond', () => {
  // A second of film at 1,000: the picture of 1 s is due at 2,000 and comes at 2,300, with too little behind it.
  const report = play([
    [bytesUntil(1), 1_000],
    [bytesUntil(1.4), 2_300],
    [bytesUntil(1.5), 2_600],
    [FILE.length, 2_700],
  ])
  expect(report).toMatchObject({ startUp: 1_000, stalls: 1, frames: 150 })
  expect(report.stalledFor).toBeCloseTo(600)
})

test('after a stall the rest of the film is due so much later', () => {
  const parts = [
    [bytesUntil(1), 0],
    [bytesUntil(2), 1_500],
  ] as const
  // It went on at 1,500 from second 1: that of second 2 is due at 2,500.
  expect(play([...parts, [FILE.length, 2_500]])).toMatchObject({ stalls: 1, stalledFor: 500 })
  const twice = play([...parts, [FILE.length, 2_501]])
  expect(twice.stalls).toBe(2)
  expect(twice.stalledFor).toBeCloseTo(501)
})

test('resumeAfter is its own', () => {
  const parts = [
    [bytesUntil(1), 0],
    [bytesUntil(1.2), 1_200],
    [FILE.length, 1_300],
  ] as const
  expect(play(parts, { resumeAfter: 0.1 }).stalledFor).toBeCloseTo(200)
  expect(play(parts, { startAfter: 0.1 }).stalledFor).toBeCloseTo(200)
  expect(play(parts, { resumeAfter: 0.4 }).stalledFor).toBeCloseTo(300)
  expect(play(parts, { startAfter: 0, resumeAfter: 0 }).stalledFor).toBeCloseTo(200)
  // Bytes that make no picture resume nothing.
  const [first, second, last] = parts
  const bytewise = [first, [first[0] + 1, 1_100], second, last] as const
  expect(play(bytewise, { resumeAfter: 0 })).toMatchObject({ stalls: 1, stalledFor: 200 })
})

test('the end of the film is waited for by nobody: its last 0.4 s resume by themselves', () => {
  const report = play([
    [bytesUntil(5.6), 0],
    [FILE.length, 6_000],
  ])
  expect(report.stalls).toBe(1)
  expect(report.stalledFor).toBeCloseTo(400)
})

test('what ends early is played as far as it came', () => {
  const little = play([[bytesUntil(0.2), 40]])
  expect(little).toMatchObject({ startUp: 40, stalls: 0, framesInFilm: 150 })
  expect(little.frames).toBeLessThan(150)
  expect(little.problem).toBeUndefined()
  // The stall lasts until it is known that nothing comes.
  const player = new Player(0)
  player.feed(FILE.subarray(0, bytesUntil(1)), 0)
  const report = player.finish(1_700)
  expect(report.stalls).toBe(1)
  expect(report.stalledFor).toBeCloseTo(700)
})

test('byte by byte or in pieces of any size, it is the same film', () => {
  const whole = play([[FILE.length, 0]])
  const bytes = FILE.length
  expect(play(Array.from({ length: bytes }, (_, index) => [index + 1, 0] as const))).toEqual(whole)
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: bytes - 1 }), { maxLength: 30 }), (cuts) => {
      const ends = [...cuts.sort((one, other) => one - other), bytes]
      expect(play(ends.map((end) => [end, 0]))).toEqual(whole)
    }),
    { numRuns: 30 },
  )
})

test('whenever the pieces come: what is stalled is what is late, and all is shown', () => {
  const piece = fc.record({ size: fc.integer({ min: 1, max: 40_000 }), pause: fc.integer({ min: 0, max: 900 }) })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      let end = 0
      let now = 0
      const parts = pieces.map(({ size, pause }): [number, number] => {
        end = Math.min(end + size, FILE.length)
        now += pause
        return [end, now]
      })
      const last = now + 100
      const report = play([...parts, [FILE.length, last]])
      expect(report.frames).toBe(150)
      expect(report.stalls === 0).toBe(report.stalledFor === 0)
      // Nothing is waited for once all is there.
      expect((report.startUp ?? 0) + report.stalledFor).toBeLessThanOrEqual(last + 1e-6)
    }),
    { numRuns: 100 },
  )
})

given(ffmpeg)('an index at the end: it starts when all is there', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('late.mp4')
  execFileSync('ffmpeg', ['-v', 'error', '-i', PATH, '-c', 'copy', path])
  const file = await readFile(path)
  expect(file.indexOf('moov')).toBeGreaterThan(file.indexOf('mdat'))
  const player = new Player(0)
  player.feed(file.subarray(0, -1), 5_000)
  player.feed(file.subarray(-1), 7_000)
  expect(player.finish(7_000)).toMatchObject({ startUp: 7_000, stalls: 0, frames: 150 })
  const cut = new Player(0)
  cut.feed(file.subarray(0, -1), 5_000)
  expect(cut.finish(7_000).problem).toMatch(/its index \(moov\) did not come/)
})

test('an index is not waited for without end, since all in front of it is kept', () => {
  const reader = read(Buffer.concat([FILE.subarray(0, 32), Buffer.of(0x7f, 0xff, 0xff, 0xff), Buffer.from('mdat')]))
  const mebibyte = Buffer.alloc(1024 * 1024)
  for (let count = 0; count < 63; count++) reader.feed(mebibyte)
  expect(reader.problem).toBeUndefined()
  reader.feed(mebibyte)
  expect(reader.problem).toMatch(/no index \(moov\) in the first 67108864 bytes/)
})

given(ffmpeg)('what has no pictures says so', async () => {
  await using directory = await temporaryDirectory()
  const make = async (name: string, ...args: string[]): Promise<string | undefined> => {
    execFileSync('ffmpeg', ['-v', 'error', ...args, directory.file(name)])
    return read(await readFile(directory.file(name))).problem
  }
  const sine = ['-f', 'lavfi', '-i', 'sine=duration=0.1', '-c:a', 'aac']
  expect(await make('sound.mp4', ...sine)).toMatch(/no video track/)
  expect(await make('pieces.mp4', '-i', PATH, '-c', 'copy', '-movflags', 'empty_moov+frag_keyframe')).toMatch(
    /fragments/,
  )
})

test('no film: an empty file, junk, text, a broken index', () => {
  const problem = (file: Uint8Array): string | undefined => {
    const player = new Player(0)
    player.feed(file, 0)
    const report = player.finish(0)
    expect(report).toMatchObject({ startUp: undefined, stalls: 0, frames: 0, duration: 0 })
    return report.problem
  }
  expect(problem(new Uint8Array())).toMatch(/did not come/)
  expect(problem(FILE.subarray(0, 7))).toMatch(/did not come/)
  expect(problem(Buffer.from('GIF89a, and more'))).toMatch(/ftyp/)
  expect(problem(Buffer.concat([FILE.subarray(0, 40), Buffer.alloc(2_000)]))).toMatch(/no film/)
  // Behind the type of the box: its version, two dates, and how many units of time a second has.
  const timescale = FILE.indexOf('mdhd') + 16
  expect(problem(Buffer.from(FILE).fill(0, timescale, timescale + 4))).toMatch(/timescale 0/)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (junk) => {
      expect(problem(Buffer.concat([FILE.subarray(0, 32), junk]))).toMatch(/no film/)
    }),
    { numRuns: 50 },
  )
})

test('what a film has in the place of a type does not reach the terminal', () => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const box = (type: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from(type)])
  read(Buffer.concat([box('ftyp'), box('\u001b[2J')]))
  expect(printed).not.toHaveBeenCalled()
  printed.mockRestore()
})
