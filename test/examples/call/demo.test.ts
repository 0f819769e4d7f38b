import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { CallReport } from '../../../examples/call/run-call.ts'
import type { SideReport } from '../../../examples/call/side-report.ts'
import type { Check } from '../../../examples/call/verdict.ts'
import { readSpeech } from '../../../examples/call/voice/wav.ts'
import { buildOnce, root } from '../../support/build.ts'
import { Child, type Exit } from '../../support/child.ts'
import { given, type Need, nothing, scheme } from '../../support/need.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary.ts'

/** The command as `npm run demo:call` starts it. */
const DEMO = join(root, 'examples/build/call/demo.js')

interface Printed {
  readonly undisturbed: CallReport
  readonly disturbed: CallReport
  readonly checks: readonly Check[]
}

function demo(...args: readonly string[]): Child {
  return new Child(process.execPath, [DEMO, ...args])
}

beforeAll(buildOnce)

const pairs: readonly (readonly [pair: string, processes: number, ...needs: Need[]])[] = [
  ['tcp+udp', 2, nothing],
  ['unix+unixgram', 2, scheme('unixgram')],
  ['unix+unixpacket', 2, scheme('unixpacket')],
  ['memory+memorygram', 1, nothing],
  ['tcp+memorygram', 1, nothing],
]

describe.concurrent('a call twice, the second time over a bad link', () => {
  for (const [pair, processes, ...needs] of pairs) {
    given(...needs)(
      pair,
      async () => {
        await using folder: TemporaryDirectory = await temporaryDirectory()
        const args = ['--over', pair, '--loss', '5%', '--delay', '40ms', '--jitter', '20ms', '--out', folder.path]
        const { code, stdout, stderr } = await demo(...args, '--json').exited
        expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('hung up') })
        expect(stderr).not.toMatch(/warning/i)
        const { undisturbed, disturbed, checks } = JSON.parse(stdout) as Printed
        expect(checks.length).toBeGreaterThanOrEqual(9)
        expect(checks.filter(({ holds }) => !holds)).toEqual([])
        for (const call of [undisturbed, disturbed]) {
          expect(call.processes).toBe(processes)
          expect(call.caller.textsReceived).toEqual(call.caller.textsSent.map((text) => `✓ ${text}`))
          expect(call.answerer.textsReceived).toEqual(call.caller.textsSent)
          expect(call.answerer.ended).toMatchObject({ kind: 'hung up', byUs: false })
          expect(call.answerer.video).toMatchObject({ whole: true })
          for (const side of [call.caller, call.answerer]) await expectHeard(side)
        }
        expect(disturbed.caller.interruptions).toBe(1)
        expect(disturbed.caller.away).toBeGreaterThan(2900)
        // One text is said a second into the outage, of three; a machine that stood still said it later.
        expect(disturbed.caller.slowestAnswer).toBeGreaterThan(500)
        expect(undisturbed.link.lost).toBe(0)
        expect(disturbed.link.retransmitted).toBeGreaterThan(0)
        const film = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')
        expect(film(join(folder.path, 'disturbed/video.mp4'))).toBe(film(join(root, 'examples/call/media/video.mp4')))
      },
      180_000,
    )
  }
})

/** The recording is a WAV file of what was played: a frame for each one that was sent, in each tick that the process had. */
async function expectHeard({ recording, voice }: SideReport): Promise<void> {
  const { samples, rate } = await readSpeech(recording)
  expect(rate).toBe(8000)
  expect(samples.length).toBe(voice.sent.packets * 160)
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  expect(loudest).toBeGreaterThan(3000)
}

test('prints a table, and ends with 0', async () => {
  const { code, stdout } = await demo('--over', 'memory+memorygram', '--outage', '0').exited
  expect(code).toBe(0)
  expect(stdout).toMatch(/mouth to ear .* ms/)
  expect(stdout).toMatch(/R, MOS \(G\.107\)/)
  expect(stdout).toMatch(/8 of 8 hold/)
}, 120_000)

test.each([
  [['--over', 'tcp'], /tcp is not a pair of schemes/],
  [['--over', 'udp+tcp'], /udp makes datagrams, and a stream is needed/],
  [['--over', 'tcp+smoke'], /there is no scheme smoke/],
  [['--loss', '101%'], /It must be a share/],
  [['--delay', 'soon'], /It must be a time/],
  [['--outage', '3601s'], /an hour at most/],
  [['--seed', '-1'], /It must be a whole number/],
  [['--out', ''], /It must name a folder/],
  [['--netem', '--over', 'memory+memorygram'], /netem disturbs tcp and udp/],
  [['tcp+udp'], /too many arguments/],
])('%s is refused before anything is opened', async (args, words) => {
  const { code, stdout, stderr } = await demo(...args).exited
  expect(code).not.toBe(0)
  expect(stdout).toBe('')
  expect(stderr).toMatch(words)
})

/** A call that goes on for some seconds yet: its film has come whole. */
async function inTheMidstOf(folder: TemporaryDirectory): Promise<void> {
  await vi.waitFor(() => expect(existsSync(folder.file('undisturbed/video.mp4'))).toBe(true), 40_000)
}

/** The demonstration with a temporary folder of its own, in which it makes another for its recordings. */
function demoIn(folder: TemporaryDirectory, ...args: readonly string[]): Child {
  // In a group of its own, as a shell or timeout(1) starts it.
  return new Child('setsid', [process.execPath, DEMO, ...args], { env: { TMPDIR: folder.path } })
}

async function inTheMidstOfTemporary(folder: TemporaryDirectory): Promise<void> {
  const film = async (): Promise<string> => (await new Child('find', [folder.path, '-name', 'video.mp4']).exited).stdout
  await vi.waitFor(async () => expect(await film()).not.toBe(''), 40_000)
}

test('an answerer whose process is killed ends the call with an error', async () => {
  await using folder: TemporaryDirectory = await temporaryDirectory()
  await using child = demo('--over', 'tcp+udp', '--out', folder.path)
  const { pid } = child
  await inTheMidstOf(folder)
  await new Child('pkill', ['-9', '-P', String(pid)]).exited
  const killedAt = performance.now()
  const { code, stderr }: Exit = await child.exited
  expect(code).toBe(1)
  expect(stderr).toContain(" ...\ndemo:call: the answerer's process ended (SIGKILL)\n")
  // It does not look for the answerer for the ten seconds of its patience.
  expect(performance.now() - killedAt).toBeLessThan(8000)
}, 60_000)

given(scheme('unixgram'))(
  'Ctrl-C hangs up, and leaves no socket file',
  async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    const sockets = async (): Promise<string> => (await new Child('find', [folder.path, '-type', 's']).exited).stdout
    const args = ['--over', 'unix+unixgram', '--out', folder.path]
    await using child = new Child(process.execPath, [DEMO, ...args], { env: { TMPDIR: folder.path } })
    await inTheMidstOf(folder)
    expect(await sockets()).not.toBe('')
    child.kill('SIGINT')
    const { code, stderr }: Exit = await child.exited
    expect(code).toBe(130)
    expect(stderr).toContain('interrupted')
    expect(await sockets()).toBe('')
  },
  60_000,
)

// As from Ctrl-C, timeout(1) and a terminal that is closed.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  given(scheme('unixgram'))(
    `${signal} for both processes leaves no socket file, and no recordings that nobody was told of`,
    async () => {
      await using folder: TemporaryDirectory = await temporaryDirectory()
      await using child = demoIn(folder, '--over', 'unix+unixgram')
      await inTheMidstOfTemporary(folder)
      process.kill(-Number(child.pid), signal)
      const { code, stderr }: Exit = await child.exited
      const words = 'demo:call: unix+unixgram, undisturbed ...\ndemo:call: interrupted\n'
      expect({ code, stderr }).toEqual({ code: 128 + constants.signals[signal], stderr: words })
      expect(await readdir(folder.path)).toEqual([])
    },
    60_000,
  )
}

test('Ctrl-C before anybody has answered ends it as well', async () => {
  await using folder: TemporaryDirectory = await temporaryDirectory()
  await using child = demoIn(folder, '--over', 'tcp+udp')
  await vi.waitFor(() => expect(child.stderr).toContain('undisturbed ...'), 40_000)
  child.kill('SIGINT')
  const stderr = 'demo:call: tcp+udp, undisturbed ...\ndemo:call: interrupted\n'
  expect(await child.exited).toMatchObject({ code: 130, stdout: '', stderr })
  expect(await readdir(folder.path)).toEqual([])
}, 60_000)

given(scheme('raw'))('what cannot be begun leaves nothing in the temporary folder', async () => {
  await using folder: TemporaryDirectory = await temporaryDirectory()
  const { code, stderr } = await demoIn(folder, '--over', 'tcp+raw').exited
  const words = 'demo:call: tcp+raw, undisturbed ...\ndemo:call: there is no free place for raw on this machine\n'
  expect({ code, stderr }).toEqual({ code: 1, stderr: words })
  expect(await readdir(folder.path)).toEqual([])
})

test('whoever stops reading its report gets no stack trace', async () => {
  const script = `"$0" "$@" --over memory+memorygram --outage 0 | true; echo "ended with \${PIPESTATUS[0]}"`
  const { stdout, stderr } = await new Child('bash', ['-c', script, process.execPath, DEMO]).exited
  expect(stdout).toBe('ended with 141\n')
  expect(stderr).not.toMatch(/EPIPE|at /)
}, 120_000)

test('a report that cannot be written is an error', async () => {
  const script = '"$0" "$@" --over memory+memorygram --outage 0 > /dev/full'
  const { code, stderr } = await new Child('bash', ['-c', script, process.execPath, DEMO]).exited
  expect(code).toBe(1)
  expect(stderr).toMatch(/\ndemo:call: .*ENOSPC/)
}, 120_000)

test('an answerer whose caller was killed ends by itself', async () => {
  await using folder: TemporaryDirectory = await temporaryDirectory()
  await using child = demo('--over', 'tcp+udp', '--out', folder.path)
  await inTheMidstOf(folder)
  const answerer = (await new Child('pgrep', ['-P', String(child.pid)]).exited).stdout.trim()
  expect(answerer).toMatch(/^\d+$/)
  child.kill('SIGKILL')
  // It waits for its patience, since a caller may come back.
  await vi.waitFor(() => expect(() => process.kill(Number(answerer), 0)).toThrow(/ESRCH/), { timeout: 40_000 })
}, 90_000)
