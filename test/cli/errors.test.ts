import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { given, need } from '../support/need.ts'
import { commandLine, type Finished, kernel, Running } from './support.ts'

const { compiled, path } = commandLine()

/** Nothing is missing where the addon is there. */
const noAddon = need(!kernel.met, 'the addon is there', 'install with CC=/bin/false CXX=/bin/false')

const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  new Running(process.execPath, [compiled('main.js'), ...args], env).end().done

describe('errors are one line with the code, and the exit code says what kind they are', () => {
  test.each<[args: string[], code: string, exitCode: number]>([
    [['cat', 'tcp://127.0.0.1:1'], 'ECONNREFUSED', 1],
    [['cat', '--engine', 'node', 'tcp://127.0.0.1:1'], 'ECONNREFUSED', 1],
    [['cat', 'unix:/nowhere/at-all.sock'], 'ENOENT', 1],
    [['cat', '--listen', 'unix:/nowhere/at-all.sock'], '(ENOENT|EACCES)', 1],
    [['cat', '--timeout', '100', '--listen', 'tcp://127.0.0.1:0'], 'ETIMEDOUT', 1],
    [['cat', ''], 'ERR_ADDRESS_INVALID', 2],
    [['cat', 'tcp://127.0.0.1:65536'], 'ERR_ADDRESS_INVALID', 2],
    [['cat', `unix:/${'x'.repeat(200)}`], 'ERR_ADDRESS_INVALID', 2],
    [['cat', 'carrier-pigeon:coop'], 'ERR_FAMILY_UNKNOWN', 2],
    [['cat', '--option', 'noSuchOption=1', 'tcp://127.0.0.1:1'], 'ERR_OPTION_UNKNOWN', 2],
    [['cat', '--option', 'timeout="soon"', 'tcp://127.0.0.1:1'], 'TypeError', 2],
    [['cat', '--listen', 'udp://127.0.0.1:0'], 'ERR_UNSUPPORTED', 2],
    [['cat', '--bind', 'tcp://127.0.0.1:0'], 'ERR_UNSUPPORTED', 2],
    [['cat', '--bind', 'udp://127.0.0.1:0', '--listen'], 'usage:', 2],
    [['cat'], 'usage:', 2],
    [['cat', '--size', '0', 'udp://127.0.0.1:1'], 'usage:', 2],
    [['cat', '--timeout', 'soon', 'udp://127.0.0.1:1'], 'usage:', 2],
    [['cat', '--option', 'nonsense', 'udp://127.0.0.1:1'], 'usage:', 2],
    [['cat', '--no-such-flag', 'udp://127.0.0.1:1'], 'usage:', 2],
    [['dog'], 'usage:', 2],
    [['relay', 'tcp://127.0.0.1:0'], 'usage:', 2],
    [['relay', 'tcp://127.0.0.1:0', 'udp://127.0.0.1:1'], 'ERR_UNSUPPORTED', 2],
    [['relay', 'udp://127.0.0.1:0', 'unix:/nowhere'], 'ERR_UNSUPPORTED', 2],
  ])('polysocket %j: %s', async (args, code, exitCode) => {
    const result = await run(args)
    expect(result.stderr.replace(/^polysocket: listening.*\n/, '')).toMatch(
      new RegExp(`^polysocket: ${code} ?[^\\n]*\\n$`),
    )
    expect(result.code).toBe(exitCode)
    expect(result.stdout).toHaveLength(0)
  })

  test('an address in use names the address', async () => {
    const inUse = path()
    await writeFile(inUse, '')
    const result = await run(['cat', '--listen', `unix:${inUse}`])
    expect(result.stderr).toMatch(/^polysocket: EADDRINUSE [^\n]*\n$/)
    expect(result.stderr).toContain(inUse)
    expect(result.code).toBe(1)
  })

  test.each([
    ['node', 'tcp://127.0.0.1:1', 'ECONNREFUSED connect tcp://127.0.0.1:1: connection refused'],
    ['node', 'unix:/nowhere/at-all.sock', 'ENOENT connect unix:/nowhere/at-all.sock: there is no directory /nowhere'],
  ])('says what went wrong once: %s engine, %s', async (engine, address, said) => {
    expect((await run(['cat', '--engine', engine, address])).stderr).toBe(`polysocket: ${said}\n`)
  })

  test('DEBUG=polysocket adds the stack', async () => {
    const result = await run(['cat', 'carrier-pigeon:coop'], { DEBUG: 'polysocket' })
    expect(result.stderr).toMatch(/^polysocket: ERR_FAMILY_UNKNOWN .*\nSocketError: .*\n {4}at /)
    expect(result.code).toBe(2)
  })

  test('a scheme that the machine does not have is 3, with the remedy', async () => {
    // The node engine has no such sockets, and an addon that is not there leaves only it.
    const result = await run(['cat', '--engine', 'node', 'unixpacket:/tmp/x'])
    expect(result.stderr).toMatch(/^polysocket: (ERR_FAMILY_UNAVAILABLE|ERR_UNSUPPORTED) [^\n]*\n$/)
    expect([2, 3]).toContain(result.code)
  })

  given(noAddon)('without the addon, unixgram is 3', async () => {
    const result = await run(['cat', 'unixgram:/tmp/x'])
    expect(result.stderr).toMatch(/^polysocket: ERR_FAMILY_UNAVAILABLE .*npm run build:native[^\n]*\n$/)
    expect(result.code).toBe(3)
  })
})

describe('help', () => {
  test.each([[['--help']], [['cat', '--help']], [['relay', '--help']]])('%j lists the exit codes', async (args) => {
    const result = await run(args)
    expect(result.stdout.toString()).toMatch(/Exit codes:\n {2}0 /)
    expect(result.code).toBe(0)
    expect(result.stderr).toBe('')
  })

  test('--version', async () => {
    const result = await run(['--version'])
    expect(result.stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect(result.code).toBe(0)
  })
})

describe('families', () => {
  test('has a row for each scheme', async () => {
    const result = await run(['families'])
    const text = result.stdout.toString()
    for (const scheme of ['tcp', 'udp', 'unix', 'unixgram', 'unixpacket', 'memory', 'memorygram', 'raw']) {
      expect(text).toMatch(new RegExp(`^${scheme} .*\\b(kernel|node|memory|no \\[\\d\\])$`, 'm'))
    }
    expect(result.code).toBe(0)
  })

  test('--json is what the library returns', async () => {
    const { families } = await import('../../src/index.ts')
    const result = await run(['families', '--json'])
    const names = (JSON.parse(result.stdout.toString()) as { name: string }[]).map(({ name }) => name)
    expect(names).toEqual(families().map(({ name }) => name))
  })

  given(kernel)(`the sockets behind the schemes`, async () => {
    const { stdout } = await run(['families'])
    expect(stdout.toString()).toMatch(/^unixpacket +AF_UNIX, SOCK_SEQPACKET +datagram +yes +yes +yes +yes .* kernel$/m)
  })
})
