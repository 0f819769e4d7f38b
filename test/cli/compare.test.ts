import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { compare } from '../../src/cli/compare/compare.ts'
import { DEFAULTS } from '../../src/cli/compare/options.ts'
import type { Comparison } from '../../src/cli/compare/result.ts'
import { UsageError } from '../../src/cli/report.ts'
import { listenForStop, type Stop } from '../../src/cli/stop.ts'
import { families } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { commandLine, Running } from './support.ts'

const { cli, compiled, path } = commandLine()
const quick = ['--messages', '30', '--interval', '1ms']

test('without a scheme it compares all that can meet themselves, and those that work here keep their promises', async () => {
  const { code, stdout, stderr } = await cli('compare', ...quick, '--json').done
  const comparison = JSON.parse(stdout.toString()) as Comparison
  expect(comparison.schemes.map(({ scheme }) => scheme)).toEqual(
    families()
      .flatMap(({ schemes }) => schemes.map(({ scheme }) => scheme))
      .filter((scheme) => scheme !== 'ble' && scheme !== 'raw'),
  )
  const measured = comparison.schemes.flatMap((each) => ('delivery' in each ? [each] : []))
  for (const { scheme, agreements, delivery, engine, journeys, disturbed, setUp } of measured) {
    // A link that nobody disturbs has no delay that was asked for; tcp is counted, where the kernel engine is.
    const isTold = disturbed !== 'nothing' || (scheme === 'tcp' && engine === 'kernel')
    expect('value' in setUp.roundTrips, scheme).toBe(isTold)
    expect(
      agreements.filter(({ agrees }) => !agrees),
      scheme,
    ).toEqual([])
    expect(delivery.sent).toBe(scheme === 'rfcomm' || scheme === 'l2cap' ? 100 : 30)
    expect(journeys).toHaveLength(delivery.sent)
    expect(stderr).toMatch(new RegExp(`^compare: ${scheme} \\d+ of \\d+ arrived`, 'm'))
  }
  expect(measured.map(({ scheme }) => scheme)).toEqual(expect.arrayContaining(['tcp', 'udp', 'unix', 'memory']))
  expect(comparison).toMatchObject({ messages: 30, interval: 1, size: 200, netem: false })
  expect(comparison.faults).toEqual({ loss: 0.05, duplicate: 0.01, reorder: 0.01, delay: 20, jitter: 5, seed: 1 })
  expect(code).toBe(0)
}, 120_000)

test('prints one table, of the schemes that were named, each once', async () => {
  const { code, stdout } = await cli('compare', 'memory', 'udp', 'udp', ...quick, '--loss', '10%', '--delay', '0.01s')
    .done
  const text = stdout.toString()
  expect(text.match(/^udp /gm)).toHaveLength(1)
  expect(text).toMatch(/^memory /m)
  expect(text).not.toMatch(/^tcp /m)
  expect(text).toContain('10 % lost')
  expect(text).toContain('10 to 15 ms each way')
  expect(code).toBe(0)
}, 60_000)

test.each([
  ['a scheme that there is not', ['tpc'], /there is no scheme tpc; there are tcp, udp/],
  ['no messages', ['--messages', '0'], /--messages.*from 1 to 100000\./],
  ['too many', ['--messages', '100001'], /from 1 to 100000\./],
  ['no bytes', ['--size', '0'], /--size/],
  ['fewer bytes than the number has', ['--size', '3'], /at least the 4 bytes of its number/],
  ['more bytes than udp takes', ['udp', '--size', '65508'], /udp takes messages of at most 65507 bytes/],
  ['more bytes than a stream is given', ['tcp', '--size', '16777217'], /tcp takes messages of at most 16777216/],
  ['a share beyond the whole', ['--loss', '101%'], /--loss.*share, such as 5% or 0.05/],
  ['a time that is none', ['--delay', 'soon'], /--delay.*time/],
  ['a seed that is none', ['--seed', 'x'], /--seed/],
])(
  'refuses %s, in one line and before anything is sent',
  async (_, args, message) => {
    const { code, stdout, stderr } = await cli('compare', ...args).done
    expect(stderr).toMatch(/^polysocket: usage: .*\n$/)
    expect(stderr).toMatch(message)
    expect(stdout.toString()).toBe('')
    expect(code).toBe(2)
  },
  30_000,
)

given(scheme('raw'))(
  'a scheme that is named and not to be compared is told with its reason, and the exit code says so',
  async () => {
    const { code, stdout } = await cli('compare', 'raw').done
    expect(stdout.toString()).toMatch(/^raw +not here \[1\]$/m)
    expect(stdout.toString()).toMatch(/^\[1\] it has no address of its own to try; remedy: /m)
    expect(code).toBe(3)
  },
  30_000,
)

test('a stream through a link that loses all is a row that failed', async () => {
  const { code, stdout, stderr } = await cli('compare', 'memory', 'memorygram', ...quick, '--loss', '100%').done
  expect(stdout.toString()).toMatch(/^memory +FAILED \[\d+\]$/m)
  expect(stdout.toString()).toMatch(/^memorygram .* 0 of 30/m)
  expect(stderr).toMatch(/memory FAILED: ETIMEDOUT/)
  expect(code).toBe(1)
}, 60_000)

test('SIGINT in the middle of the messages ends it, and prints what is done so far', async () => {
  const running = cli('compare', 'tcp', 'udp', 'ble', '--messages', '100', '--interval', '30')
  await running.says(/compare: tcp 100 of 100/)
  // Time enough to begin with udp, and not nearly enough to be through.
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { code, stdout, stderr } = await running.kill('SIGINT')
  expect(stdout.toString()).toMatch(/^tcp /m)
  expect(stdout.toString()).not.toMatch(/^(udp|ble) /m)
  expect(stderr).toContain('polysocket: stopped: 1 of 3 schemes are done')
  expect(code).toBe(130)
}, 60_000)

test('SIGINT while connecting ends it, too, and half a comparison is no JSON', async () => {
  const running = cli('compare', 'tcp', 'memory', '--messages', '100', '--interval', '1', '--delay', '5s', '--json')
  await running.says(/compare: tcp 100 of 100/)
  const { code, stdout, stderr } = await running.kill('SIGINT')
  expect(stdout.toString()).toBe('')
  expect(stderr).toContain('polysocket: stopped: 1 of 2 schemes are done')
  expect(code).toBe(130)
}, 60_000)

test('when nobody reads the output any more, it says so by its exit code', async () => {
  const running = cli('compare', 'udp', ...quick, '--json')
  running.child.stdout.destroy()
  expect((await running.done).code).toBe(141)
}, 60_000)

test.each([[[]], [['--json']]])(
  'output that cannot be written is an error: %j',
  async (flags) => {
    const command = `exec "$@" > /dev/full`
    const args = [process.execPath, compiled('main.js'), 'compare', 'udp', ...quick, ...flags]
    const { code, stderr } = await new Running('sh', ['-c', command, 'sh', ...args]).done
    expect(stderr).toMatch(/^polysocket: ENOSPC: no space left/m)
    expect(code).toBe(1)
  },
  60_000,
)

test('on a terminal it says what it is at before the first message, which may be a while', async () => {
  let told = ''
  const terminal = { isTTY: true, write: (text: string) => (told += text) }
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done() })
  const asked = new AbortController()
  const stop: Stop = { soft: asked.signal, hard: asked.signal, exitCode: 130, dispose: () => undefined }
  const running = compare(['memory'], { ...DEFAULTS, messages: 1, delay: 5000 }, { stdout, stderr: terminal }, stop)
  await vi.waitFor(() => expect(told).toContain('compare: memory 0 of 1 sent'), 10_000)
  asked.abort()
  await running
}, 30_000)

test('JSON and a page go together, and what is no number is null', async () => {
  const file = path()
  const args = ['memorygram', ...quick, '--loss', '100%', '--json', '--html', file]
  const { code, stdout } = await cli('compare', ...args).done
  const { schemes } = JSON.parse(stdout.toString()) as Comparison
  expect(schemes).toMatchObject([{ latency: { p50: null, p99: null, max: null }, delivery: { delivered: 0 } }])
  expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>/)
  expect(code).toBe(0)
}, 60_000)

describe('a page', () => {
  const options = { ...DEFAULTS, messages: 5, interval: 1 }
  const silent = { write: () => true }

  async function run(file: string, stop?: (stop: Stop) => void): Promise<{ code: number; text: string }> {
    let text = ''
    const stdout = new Writable({
      write(chunk, _, done) {
        text += String(chunk)
        done()
      },
    })
    const asked = listenForStop()
    try {
      const page = { file, make: async ({ schemes }: Comparison) => `page of ${schemes.length}` }
      const running = compare(['udp', 'unix'], options, { stdout, stderr: silent, page }, asked)
      stop?.(asked)
      return { code: await running, text }
    } finally {
      asked.dispose()
    }
  }

  test('is written beside the table', async () => {
    const file = path()
    const { code, text } = await run(file)
    expect(await readFile(file, 'utf8')).toBe('page of 2')
    expect(text).toMatch(/^udp /m)
    expect(code).toBe(0)
  }, 30_000)

  test('that cannot be written is told before anything is measured', async () => {
    const told = vi.spyOn(silent, 'write')
    for (const file of ['/nonexistent/page.html', '/', dirname(path()), `${path()}/`, '', '/dev/null/page.html']) {
      const error: unknown = await run(file).catch((reason) => reason)
      expect(error, file).toBeInstanceOf(UsageError)
      expect(String(error)).toContain(`--html ${file}: no page can be written there: `)
    }
    // A scheme that was measured is told there.
    expect(told).not.toHaveBeenCalled()
    await run(path())
    expect(told).toHaveBeenCalledTimes(2)
  }, 30_000)
})
