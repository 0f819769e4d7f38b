import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterEach, beforeAll } from 'vitest'
import { type Need, scheme } from '../support/need.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Compiles the sources as they are now, beside the package rather than into dist/: other tests may be using that, and
 * what lies there may be older than the sources. The folder looks like the package, so that its parts find each other.
 * File by file and without checking types, which is the business of `npm run types`.
 */
async function buildCli(): Promise<string> {
  const sources = await readSources()
  const cache = join(ROOT, 'node_modules/.cache/polysocket-cli')
  const home = join(cache, fingerprint(sources))
  if (!existsSync(home)) {
    await mkdir(cache, { recursive: true })
    const making = await mkdtemp(join(cache, 'making-'))
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT)
    // A file by itself has no package.json that would make it a module.
    const compilerOptions = { ...options, module: ts.ModuleKind.ESNext }
    for (const [file, text] of sources) {
      const { outputText } = ts.transpileModule(text, { fileName: file, compilerOptions })
      const output = join(making, 'dist', file.replace(/\.ts$/, '.js'))
      await mkdir(dirname(output), { recursive: true })
      await writeFile(output, outputText)
    }
    // The addon may be built later than this, or never: a link that leads nowhere does no harm.
    for (const part of ['package.json', 'native']) await symlink(join(ROOT, part), join(making, part))
    // Another test file may have been quicker.
    await rename(making, home).catch(() => rm(making, { recursive: true }))
  }
  return join(home, 'dist/cli')
}

async function readSources(): Promise<Map<string, string>> {
  const files = await readdir(join(ROOT, 'src'), { recursive: true })
  const names = files.filter((file) => file.endsWith('.ts')).sort()
  const texts = await Promise.all(names.map((name) => readFile(join(ROOT, 'src', name), 'utf8')))
  return new Map(names.map((name, index) => [name, texts[index] ?? '']))
}

function fingerprint(sources: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256').update(`${ROOT}\n${ts.version}\n`)
  for (const [name, text] of sources) hash.update(`${name}\n${text}`)
  return hash.digest('hex').slice(0, 16)
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

const running = new Set<Running>()

/** A program that runs; its output is kept. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly done: Promise<Finished>
  readonly #stdout: Buffer[] = []
  #stderr = ''

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, args, { env: { ...process.env, ...env } })
    this.child.stdout.on('data', (chunk: Buffer) => this.#stdout.push(chunk))
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    // A program that does not read its input to the end makes it EPIPE here.
    this.child.stdin.on('error', () => undefined)
    this.done = once(this.child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.#stderr,
    }))
    running.add(this)
    this.child.once('close', () => running.delete(this))
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#stdout)
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Waits until its stderr has this; gives the match. */
  async says(pattern: RegExp, where: 'stderr' | 'stdout' = 'stderr'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(where === 'stderr' ? this.#stderr : this.stdout.toString())
      if (match !== null) return match
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.done
        const last = pattern.exec(where === 'stderr' ? this.#stderr : this.stdout.toString())
        if (last !== null) return last
        throw new Error(`it ended without saying ${pattern}; stderr: ${this.#stderr}`)
      }
      await Promise.race([once(this.child[where], 'data'), once(this.child, 'exit')])
    }
  }

  /** The address that a listening command tells. */
  async address(): Promise<string> {
    const [, address] = await this.says(/(?:listening on|bound to|relay) (\S+)/)
    return address as string
  }

  end(input?: string | Uint8Array): this {
    this.child.stdin.end(input)
    return this
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.child.kill(signal)
    return this.done
  }
}

export function python(script: string, ...args: string[]): Running {
  return new Running('python3', ['-u', '-c', script, ...args])
}

/** The addon: what unixgram and unixpacket cannot do without. */
export const kernel: Need = scheme('unixpacket')

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function noise(bytes: number): Buffer {
  return randomBytes(bytes)
}

/** The command line program, and names for the files of a test. */
export interface CommandLine {
  cli(...args: string[]): Running
  /** Where a compiled file of `src/cli/` is. */
  compiled(name: string): string
  /** A path that nothing has. */
  path(): string
}

/** Called at the top of a test file. No program outlives its test, and no file the tests of its file. */
export function commandLine(): CommandLine {
  let home: string
  let directory: string
  let nextName = 0
  beforeAll(async () => {
    home = await buildCli()
    directory = await mkdtemp(join(tmpdir(), 'polysocket-cli-'))
    return () => rm(directory, { recursive: true })
  })
  afterEach(() => Promise.all([...running].map((program) => program.kill('SIGKILL'))))
  const compiled = (name: string): string => join(home, name)
  return {
    cli: (...args) => new Running(process.execPath, [compiled('main.js'), ...args]),
    compiled,
    path: () => join(directory, `s${nextName++}`),
  }
}
