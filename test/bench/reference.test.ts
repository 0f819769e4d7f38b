import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { root } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { given, program } from '../support/need.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'
import type { Result } from './result.ts'

const MILLISECONDS = 50

const withCompiler = given(
  program('cc', ['--version'], 'apt-get install gcc'),
  program('make', ['--version'], 'apt-get install make'),
)

let built: TemporaryDirectory

beforeAll(async () => {
  built = await temporaryDirectory()
  const flags = '-std=c11 -O2 -Wall -Wextra -Werror'
  execFileSync('make', ['-C', join(root, 'bench/reference'), `OUT=${built.path}`, `CFLAGS=${flags}`])
})

afterAll(() => built[Symbol.asyncDispose]())

/** One side, in a directory of its own. */
class Side implements AsyncDisposable {
  readonly child: Child
  readonly directory: TemporaryDirectory

  constructor(directory: TemporaryDirectory, args: readonly string[]) {
    this.directory = directory
    this.child = new Child(built.file('reference'), args, { cwd: directory.path })
  }

  ask(command: string): Promise<Result> {
    this.child.tell(command)
    return this.child.report()
  }

  /** Ends with its stdin, quietly, and leaves no file. */
  async end(): Promise<void> {
    this.child.stdin.end()
    expect(await this.child.exited).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(await readdir(this.directory.path)).toEqual([])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]()
    await this.directory[Symbol.asyncDispose]()
  }
}

const start = async (...args: readonly string[]): Promise<Side> => new Side(await temporaryDirectory(), args)

async function startServer(workload: string): Promise<{ server: Side; address: string }> {
  const server = await start('server', workload)
  const { address } = await server.child.report<{ address: string }>()
  return { server, address }
}

async function startClient(workload: string, address: string): Promise<Side> {
  const client = await start('client', workload, address)
  expect(await client.child.report()).toEqual({ ready: true })
  return client
}

/** A run of the client; what every workload's result has is looked at here. */
async function run(client: Side): Promise<Result> {
  const result = await client.ask(`run ${MILLISECONDS}`)
  expect(result.units).toBeGreaterThan(0)
  expect(result.seconds).toBeGreaterThanOrEqual(MILLISECONDS / 1000)
  expect(result.cpu).toBeGreaterThan(0)
  expect(result.cpu).toBeLessThan(result.seconds * 1.5)
  return result
}

/** Asks for reports until they add up to so many units: those are all that come. */
async function arrive(server: Side, units: number): Promise<void> {
  let sum = 0
  while (sum < units) sum += (await server.ask('report')).units
  expect(sum).toBe(units)
}

/** Two runs of one pair: the second must not be confused by what the first one left. */
function inTwoRuns(workload: string, shows: string, check: (server: Side, result: Result) => Promise<void>): void {
  withCompiler(`${workload}: ${shows}`, async () => {
    const { server, address } = await startServer(workload)
    await using _server = server
    await using client = await startClient(workload, address)
    for (let round = 0; round < 2; round++) await check(server, await run(client))
    await client.end()
    await server.end()
  })
}

for (const workload of ['unix-stream-64k', 'tcp-stream-64k', 'unix-stream-100', 'tcp-stream-100', 'unixgram-256']) {
  inTwoRuns(workload, 'all that was sent arrives', async (server, { units, sent }) => {
    expect(sent).toBe(units)
    await arrive(server, units)
    expect(await server.ask('report')).toMatchObject({ units: 0, seconds: 0 })
  })
}

for (const workload of ['unix-echo', 'tcp-echo', 'unixpacket-echo', 'udp-echo']) {
  inTwoRuns(workload, 'both sides count the same round trips', async (server, { units, seconds, p50, p99 }) => {
    expect(p50).toBeGreaterThan(0)
    expect(p99).toBeGreaterThanOrEqual(p50 ?? Number.NaN)
    expect(p50).toBeLessThan(seconds * 1000)
    await arrive(server, units)
  })
}

for (const workload of ['udp-64', 'udp-1200']) {
  inTwoRuns(workload, 'what was sent is received or counted as dropped', async (server, { units, sent = 0 }) => {
    expect(sent).toBe(units)
    const received = await server.ask('report')
    expect(received.units).toBeGreaterThan(0)
    expect(received.units + (received.dropped ?? Number.NaN)).toBe(sent)
  })
}

for (const workload of ['unix-connections', 'tcp-connections']) {
  inTwoRuns(workload, 'both sides count the same connections', (server, { units }) => arrive(server, units))
}

withCompiler('relay-source, relay-sink: what the source sends over many connections reaches the sink', async () => {
  const { server: sink, address: path } = await startServer('relay-sink')
  await using _sink = sink
  await using relay = createServer((socket) => socket.pipe(connect(path)))
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const { port } = relay.address() as AddressInfo
  await using source = await startClient('relay-source', `${port}:20`)
  for (let round = 0; round < 2; round++) {
    const { sent = 0 } = await run(source)
    await arrive(sink, sent)
  }
  await source.end()
  await sink.end()
})

withCompiler('an idle side takes no CPU time', async () => {
  const { server, address } = await startServer('unix-echo')
  await using _server = server
  await using client = await startClient('unix-echo', address)
  await run(client)
  const ticks = async (): Promise<string[]> =>
    Promise.all([server, client].map(async ({ child }) => cpuTicks(await readFile(`/proc/${child.pid}/stat`, 'utf8'))))
  const before = await ticks()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(await ticks()).toEqual(before)
})

withCompiler('a server that is told to terminate removes its path', async () => {
  const { server, address } = await startServer('unix-echo')
  await using _server = server
  expect(existsSync(address)).toBe(true)
  server.child.kill('SIGTERM')
  await server.child.exited
  expect(existsSync(address)).toBe(false)
})

withCompiler('a server outlives the client that is killed in the middle of a run', async () => {
  const { server, address } = await startServer('unix-echo')
  await using _server = server
  await using killed = await startClient('unix-echo', address)
  killed.child.tell('run 10000')
  while ((await server.ask('report')).units === 0);
  killed.child.kill()
  await killed.child.exited
  await using client = await startClient('unix-echo', address)
  await run(client)
  await client.end()
  await server.end()
})

for (const { args, stdin = '', says } of [
  { args: [], says: 'usage' },
  { args: ['server', 'no-such-workload'], says: 'no workload is called no-such-workload' },
  { args: ['client', 'unix-echo'], says: 'usage' },
  { args: ['client', 'tcp-echo', '70000'], says: 'no port: 70000' },
  { args: ['client', 'unix-echo', '/no/such/path'], says: 'No such file or directory' },
  { args: ['client', 'unix-echo', `/${'x'.repeat(200)}`], says: 'too long' },
  { args: ['client', 'relay-source', '80'], says: 'PORT:COUNT' },
  { args: ['server', 'tcp-echo'], stdin: 'run 50\n', says: 'report, not: run 50' },
  { args: ['server', 'tcp-echo'], stdin: `${'x'.repeat(300)}\n`, says: 'longer than' },
]) {
  withCompiler(`reference ${args.join(' ').slice(0, 40)} ${stdin.slice(0, 6)}: ends with 1 and “${says}”`, async () => {
    await using side = await start(...args)
    side.child.stdin.end(stdin)
    const { code, stderr } = await side.child.exited
    expect(code).toBe(1)
    expect(stderr).toContain(says)
  })
}

/** utime and stime of proc_pid_stat(5): fields 14 and 15, counted after the name, which may have spaces. */
function cpuTicks(stat: string): string {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .join(' ')
}
