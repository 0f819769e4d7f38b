import { spawnSync } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { namespaceCommand } from '../../src/cli/compare/namespace/namespace.ts'
import { namespaceProblem } from '../../src/cli/compare/namespace/namespace-problem.ts'
import { netemOf } from '../../src/cli/compare/namespace/netem.ts'
import type { LinkFaults } from '../../src/cli/compare/result.ts'
import { given, type Need, need, program } from '../support/need.ts'
import { commandLine, type Finished, Running } from './support.ts'

const { compiled, path } = commandLine()

const none: LinkFaults = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, seed: 1 }
const bad: LinkFaults = { loss: 0.05, duplicate: 0.01, reorder: 0.01, delay: 20, jitter: 5, seed: 1 }

const { file, args } = namespaceCommand(undefined, ['true'])
const namespaces: Need = need(
  spawnSync(file, args).status === 0,
  'this user can make no network namespace here',
  'run as root, and: apt-get install iproute2 util-linux',
)
const setpriv: Need = program('setpriv', ['--bounding-set=-sys_admin', 'true'], 'run as root')
const NOBODY = 65_534
const asNobody = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
const userNamespaces: Need = need(
  namespaces.met &&
    spawnSync('setpriv', [...asNobody, 'unshare', '--user', '--map-root-user', '--net', 'true']).status === 0,
  'there are no user namespaces here',
  'run as root, and: sysctl kernel.unprivileged_userns_clone=1',
)
const netemIsMissing: Need = need(
  spawnSync('modprobe', ['-n', 'sch_netem'], { env: { PATH: '/usr/sbin:/sbin:/usr/bin' } }).status !== 0,
  'this kernel has netem',
  'test:lab tests that it works',
)

/** Runs a module's source, with the faults, in a namespace of its own. */
async function run(source: string, { faults, argv = [], prefix = [], env = {} }: RunOptions = {}): Promise<Running> {
  const inner = `${path()}.mjs`
  const outer = `${path()}.mjs`
  await writeFile(inner, source)
  await writeFile(
    outer,
    `import { runInNamespace } from ${JSON.stringify(compiled('compare/namespace/namespace.js'))}
    import { listenForStop } from ${JSON.stringify(compiled('stop.js'))}
    const [faults, ...argv] = process.argv.slice(2)
    const stop = listenForStop()
    process.exitCode = await runInNamespace(faults === 'none' ? undefined : JSON.parse(faults), argv, stop)
    stop.dispose()`,
  )
  const asked = faults === undefined ? 'none' : JSON.stringify(faults)
  const [command = '', ...rest] = [...prefix, process.execPath, outer, asked, inner, ...argv]
  return new Running(command, rest, env)
}

interface RunOptions {
  readonly faults?: LinkFaults
  readonly argv?: readonly string[]
  /** What runs the whole. */
  readonly prefix?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

async function finished(source: string, options?: RunOptions): Promise<Finished> {
  return (await run(source, options)).end().done
}

/** What a namespace looks like from inside. */
const describeInside = (): string => `
  import { readFileSync } from 'node:fs'
  import { networkInterfaces } from 'node:os'
  import { namespaceKind } from ${JSON.stringify(compiled('compare/namespace/namespace.js'))}
  console.log(JSON.stringify({
    kind: namespaceKind(),
    interfaces: Object.keys(networkInterfaces()),
    traffic: /lo:.*/.exec(readFileSync('/proc/self/net/dev', 'utf8'))[0].split(/\\s+/).slice(1).map(Number),
    uid: process.getuid(),
    argv: process.argv.slice(2),
    tables: process.env.TC_LIB_DIR,
  }))
  process.exitCode = 7`

describe('a namespace without faults', () => {
  given(namespaces)('has lo alone, with no traffic; arguments, output and exit code pass', async () => {
    const argv = ['--size', '200 bytes', '', `"$(exit 1)" 'quoted' \\ \`tick\``, 'two\nlines', 'ä→😀', '--']
    const { code, stdout, stderr } = await finished(describeInside(), { argv })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout.toString())).toEqual({
      kind: 'quiet',
      interfaces: ['lo'],
      traffic: new Array(16).fill(0),
      uid: process.getuid?.(),
      argv,
    })
    expect(code).toBe(7)
  })

  given(userNamespaces)('is for those who are not root as well, who are root in it', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(NOBODY)
    const { file, args } = namespaceCommand(undefined, ['sh', '-c', 'id -u; ip -o link; echo $POLYSOCKET_NAMESPACE'])
    vi.restoreAllMocks()
    const { stdout, stderr, status } = spawnSync('setpriv', [...asNobody, file, ...args], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^0\n1: lo: <LOOPBACK,UP,LOWER_UP> mtu 1500 [^\n]*\nquiet\n$/)
    expect(status).toBe(0)
  })

  given(namespaces)('has packets of 1500 bytes at most, however much TCP is given at a time', async () => {
    const { stdout, stderr } = await finished(`
      import { readFileSync } from 'node:fs'
      import net from 'node:net'
      const sent = () => /lo:.*/.exec(readFileSync('/proc/self/net/dev', 'utf8'))[0].split(/\\s+/).slice(9, 11).map(Number)
      const server = net.createServer((socket) => {
        let left = 10_000_000
        socket.on('data', ({ length }) => (left -= length) === 0 && socket.end())
      }).listen(0, '127.0.0.1', () => {
        const client = net.connect(server.address().port, '127.0.0.1', () => client.write(Buffer.alloc(10_000_000)))
        client.resume().on('end', () => {
          server.close()
          console.log(JSON.stringify(sent()))
        })
      })`)
    expect(stderr).toBe('')
    const [bytes, packets] = JSON.parse(stdout.toString()) as [number, number]
    // 1448 bytes of data a packet, and 52 bytes of headers: TCP on Ethernet with timestamps (RFC 7323).
    expect(packets).toBeGreaterThanOrEqual(Math.ceil(10_000_000 / 1448))
    expect(bytes).toBeGreaterThanOrEqual(10_000_000 + 52 * Math.ceil(10_000_000 / 1448))
  })
})

describe('signals', () => {
  const counting = `
    let asked = 0
    const stay = setInterval(() => undefined, 1000)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {
      console.log(signal, ++asked)
      if (asked === Number(process.argv[2])) {
        clearInterval(stay)
        process.exitCode = 40 + asked
      }
    })
    console.log('ready')`

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    given(namespaces)(`${signal} is passed on as it is, once each`, async () => {
      const program = await run(counting, { argv: ['2'] })
      await program.says(/ready/, 'stdout')
      program.child.kill(signal)
      await program.says(/ 1\n/, 'stdout')
      program.child.kill(signal)
      const { code, stdout } = await program.done
      expect(stdout.toString()).toBe(`ready\n${signal} 1\n${signal} 2\n`)
      expect(code).toBe(42)
    })
  }

  given(namespaces)(
    'Ctrl-C reaches it by us alone, for it is of another process group: once is one request and not two',
    async () => {
      const group = `
      import { readFileSync } from 'node:fs'
      const group = (pid) => Number(readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ')[1].split(' ')[2])
      console.log(JSON.stringify([group('self'), group(process.ppid)]))`
      const { stdout } = await finished(group)
      const [its, ours] = JSON.parse(stdout.toString()) as [number, number]
      expect(its).not.toBe(ours)
    },
  )

  given(namespaces)('what ends by a signal is told as a shell tells it', async () => {
    expect((await finished(`process.kill(process.pid, 'SIGKILL')`)).code).toBe(137)
  })
})

describe('a signal while it is found out whether there is netem', () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    given(namespaces, program('setsid', ['true'], 'apt-get install util-linux'))(
      `${signal} is told as itself, and no temporary file stays behind`,
      async () => {
        const [tools, temporary] = [path(), path()]
        for (const folder of [tools, temporary]) await mkdir(folder)
        // It takes a while, as where the kernel has to load netem first.
        await writeFile(`${tools}/tc`, `#!/bin/sh\ntouch "$TMPDIR/running"\nexec sleep 100\n`, { mode: 0o755 })
        const env = { PATH: `${tools}:${process.env.PATH}`, TMPDIR: temporary }
        // A terminal signals all of its process group.
        const running = await run('console.log(1)', { faults: bad, env, prefix: ['setsid'] })
        await vi.waitFor(() => stat(`${temporary}/running`), 20_000)
        process.kill(-(running.child.pid as number), signal)
        const done = await running.done
        expect(done).toMatchObject({ code, stderr: '' })
        expect(done.stdout.toString()).toBe('')
        await vi.waitFor(async () => expect(await readdir(temporary)).toEqual(['running']), 10_000)
      },
      60_000,
    )
  }
})

describe('where it cannot be', () => {
  given(namespaces, setpriv)('a user without the right is told so', async () => {
    const prefix = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
    const { code, stderr } = await finished('console.log(1)', { prefix })
    expect(stderr).toMatch(/^polysocket: .*this user may not make a network namespace here; remedy: run it as root/)
    expect(code).toBe(3)
  })

  test('without unshare its package is named', async () => {
    const { code, stderr } = await finished('console.log(1)', { env: { PATH: '/nowhere' } })
    expect(stderr).toMatch(/^polysocket: .*there is no unshare here; remedy: apt-get install util-linux\n$/)
    expect(code).toBe(3)
  })

  given(namespaces, netemIsMissing)('a kernel without netem is told from everything else', async () => {
    // Users' PATH, which has no sbin, where tc is.
    const env = { PATH: '/usr/bin:/bin', LANG: 'de_DE.UTF-8' }
    const { code, stdout, stderr } = await finished('console.log(1)', { faults: bad, env })
    expect(stderr).toMatch(/^polysocket: .*this kernel has no netem; remedy: .*modprobe sch_netem/)
    expect(stdout.toString()).toBe('')
    expect(code).toBe(3)
  })

  given(namespaces, netemIsMissing)('no temporary file stays behind', async () => {
    const folder = path()
    spawnSync('mkdir', [folder])
    await finished('', { faults: bad, env: { TMPDIR: folder } })
    expect(spawnSync('ls', ['-A', folder], { encoding: 'utf8' }).stdout).toBe('')
    const { stderr } = await finished('', { faults: bad, env: { TMPDIR: `${folder}/missing` } })
    expect(stderr).toMatch(/there is no room for a temporary file; remedy: .*TMPDIR/)
  })

  for (const shell of ['sh', 'bash']) {
    for (const tool of ['ip', 'tc']) {
      test(`${shell} without ${tool}: the package is named`, () => {
        const attempt = spawnSync(shell, ['-c', `PATH=/nowhere; ${tool} link`], { encoding: 'utf8' })
        expect(namespaceProblem(attempt, 'linux')).toMatch(
          /there is no ip or no tc here; remedy: apt-get install iproute2$/,
        )
      })
    }
  }

  test('other systems are told where there is a bad link all the same', () => {
    expect(namespaceProblem({ status: 0, stderr: '' }, 'darwin')).toMatch(/takes Linux.*memorygram/)
  })

  test('what we do not know is told in its own words, in one line', () => {
    expect(namespaceProblem({ status: 2, stderr: 'first\n  second\n' }, 'linux')).toMatch(/set up: first, second$/)
    expect(namespaceProblem({ status: null, stderr: null, error: new Error('what') }, 'linux')).toMatch(/says nothing$/)
    expect(namespaceProblem({ status: 0, stderr: 'a warning' }, 'linux')).toBeUndefined()
  })
})

describe('the words for netem', () => {
  test('faults that are not there are not named', () => {
    expect(netemOf(none)).toEqual({ words: ['limit', '100000'], table: [] })
    expect(netemOf({ ...none, loss: 0.07, delay: 20 }).words.join(' ')).toBe('limit 100000 loss 7% delay 20ms')
    expect(netemOf({ ...none, loss: 1, duplicate: 1e-6 }).words.join(' ')).toBe(
      'limit 100000 loss 100% duplicate 0.0001%',
    )
  })

  test('the command is not the shell to interpret, and comes after everything', () => {
    const { args } = namespaceCommand(bad, ['node', '$(reboot)', '; reboot'])
    expect(args.slice(-4)).toEqual(['polysocket', 'node', '$(reboot)', '; reboot'])
    expect(args.slice(0, -4).join(' ')).not.toContain('reboot')
  })

  test('each delay that netem draws is one that the memory family might have drawn', () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true })
    const durations = fc.double({ min: 0, max: 5000, noNaN: true })
    fc.assert(
      fc.property(shares, durations, durations, (reorder, delay, jitter) => {
        const { words, table } = netemOf({ ...none, reorder, delay, jitter })
        const [mean = 0, deviation = 0] = words.filter((word) => word.endsWith('ms')).map(Number.parseFloat)
        // tabledist() of net/sched/sch_netem.c.
        const drawn = table.map((entry) => mean + (deviation * entry) / 8192)
        const roundTrip = Math.max(2 * delay + jitter, 25)
        const between = delay + (jitter + roundTrip) / 2
        const held = drawn.filter((value) => value > between)
        const inTime = drawn.filter((value) => value <= between)
        const close = 0.002 + (roundTrip + jitter) * 1e-4
        const outside = (from: number) => (value: number) => value < from - close || value > from + jitter + close
        expect(inTime.filter(outside(delay))).toEqual([])
        expect(held.filter(outside(delay + roundTrip))).toEqual([])
        // Whoever asks for reordering gets some, however little was asked for.
        const share = reorder > 0 ? Math.max(1, reorder * drawn.length) : 0
        if (drawn.length > 0) expect(Math.abs(held.length - share)).toBeLessThan(0.51)
        expect(table.every((entry) => entry >= 0 && entry <= 32_767)).toBe(true)
      }),
    )
  })
})
