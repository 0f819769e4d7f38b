import { randomInt } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { chown, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, listen, type StreamEndpoint } from '../../src/index.ts'
import { Child, type ChildOptions, type Exit } from './child.ts'
import { type Need, need } from './need.ts'
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts'

/** Debian's `nobody`: whose rights servers have when the tests run as root, which some of them refuse to. */
const nobody = { uid: 65_534, gid: 65_534 }

/** Whose rights a server has. */
export type Rights = Pick<ChildOptions, 'user'>
const servant: Rights = process.getuid?.() === 0 ? { user: nobody } : {}
export const ourselves: Rights = {}

/** How long a server may take until it answers, on a busy machine. */
const READY = 20_000
/** How long it may take to stop when asked to; then it is killed. */
const STOP = 5_000

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  /** True when it is ready for clients; asked again and again. It may also throw. */
  ready(child: Child): unknown
  /** How the program is asked to stop at once. SIGTERM by itself. */
  readonly stop?: NodeJS.Signals
}

/** A program of Debian's that runs for one test, in a directory of its own, which disposing of it removes. */
export class Server implements AsyncDisposable {
  readonly directory: TemporaryDirectory
  readonly child: Child
  readonly #stop: NodeJS.Signals

  private constructor(directory: TemporaryDirectory, child: Child, stop: NodeJS.Signals) {
    this.directory = directory
    this.child = child
    this.#stop = stop
  }

  /** Makes a directory, prepares it, starts what `plan` says, and waits until it is ready. */
  static async start(
    plan: (directory: TemporaryDirectory) => Promise<Launch> | Launch,
    rights: Rights = servant,
  ): Promise<Server> {
    const directory = await temporaryDirectory()
    try {
      await giveAway(directory.path, rights)
      const { command, args, ready, stop = 'SIGTERM' } = await plan(directory)
      const child = new Child(command, args, environment(directory, rights))
      const server = new Server(directory, child, stop)
      await server.#untilReady(ready)
      return server
    } catch (error) {
      await directory[Symbol.asyncDispose]()
      throw error
    }
  }

  async #untilReady(ready: Launch['ready']): Promise<void> {
    let exit: Exit | undefined
    this.child.exited.then((it) => (exit = it)).catch(() => {})
    const end = Date.now() + READY
    let last: unknown
    while (exit === undefined && Date.now() < end) {
      try {
        if (await ready(this.child)) return
      } catch (error) {
        last = error
      }
      await sleep(20)
    }
    await this.child[Symbol.asyncDispose]()
    throw new Error(`it is not ready: ${this.child.stderr || (exit?.stdout ?? '')}`, { cause: last })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const kill = setTimeout(() => this.child.kill(), STOP)
    this.child.kill(this.#stop)
    await this.child.exited
    clearTimeout(kill)
    await this.directory[Symbol.asyncDispose]()
  }
}

/** Runs a program to its end, as a server would run, in its directory; throws what it says when it fails. */
export async function prepare(directory: TemporaryDirectory, command: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await new Child(command, args, environment(directory, servant)).exited
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stdout}${stderr}`)
}

/** Writes a file that the server can read and nobody else. */
export async function entrust(path: string, content: string): Promise<void> {
  await writeFile(path, content, { mode: 0o600 })
  await giveAway(path, servant)
}

/** A port that is free, on a loopback address that nobody else has picked: no other test takes it meanwhile. */
export async function freePort(): Promise<{ host: string; port: number }> {
  const part = (): number => randomInt(1, 255)
  const host = `127.${part()}.${part()}.${part()}`
  await using listener = await listen(`tcp://${host}:0`)
  return { host, port: (listener.address as { port: number }).port }
}

/** True once somebody accepts there. */
export async function accepts(address: string): Promise<boolean> {
  const endpoint = (await connect(address, { timeout: 1000 })) as StreamEndpoint
  endpoint.destroy()
  return true
}

/** Where a program is: in PATH, or where Debian puts those that are not for users. */
export function locate(name: string, folders: readonly string[] = []): string | undefined {
  const all = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', ...folders]
  return all.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** The folders of PostgreSQL's versions, the newest first: Debian keeps its server out of PATH. */
export function postgresFolders(): string[] {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return []
  const versions = readdirSync(root).sort((one, other) => Number(other) - Number(one))
  return versions.map((version) => join(root, version, 'bin'))
}

/** That a program which `locate` looked for is there; the remedy names Debian's package. */
export function installed(name: string, path: string | undefined, debian: string): Need {
  return need(path !== undefined, `there is no ${name} here`, `apt-get install ${debian}`)
}

async function giveAway(path: string, { user }: Rights): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid)
}

function environment({ path }: TemporaryDirectory, rights: Rights): ChildOptions {
  return { cwd: path, env: { HOME: path, TMPDIR: path, LC_ALL: 'C' }, ...rights }
}
