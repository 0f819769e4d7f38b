import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { root } from './build.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Soft and hard limit of open descriptors, by `ulimit -n`. */
  readonly descriptors?: number
  /** The package's own directory by itself. */
  readonly cwd?: string
  /** Whose rights it has; ours by itself. Only root may give others. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** A process that a test talks to by lines. Disposing of it kills it, if it still runs, and waits for its end. */
export class Child implements AsyncDisposable {
  readonly exited: Promise<Exit>
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: string[] = []
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = []
  #over = false
  #stdout = ''
  #stderr = ''

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const [program, argv] = limited(command, args, options.descriptors)
    const env = { ...process.env, ...options.env }
    // vitest's own flags and conditions are not for our children.
    delete env.NODE_OPTIONS
    const { cwd = root, user } = options
    this.#process = spawn(program, argv, { cwd, env, stdio: 'pipe', ...user })
    // A child that ended before it read its input is no failure here: its exit tells.
    this.#process.stdin.on('error', () => {})
    this.#process.stdout.on('data', (chunk) => (this.#stdout += chunk))
    this.#process.stderr.on('data', (chunk) => (this.#stderr += chunk))
    const reader = createInterface({ input: this.#process.stdout })
    reader.on('line', (line) => this.#onLine(line))
    this.exited = new Promise((resolve, reject) => {
      this.#process.on('error', reject)
      this.#process.on('close', (code, signal) => {
        const exit = { code, signal, stdout: this.#stdout, stderr: this.#stderr }
        this.#onExit(exit, [command, ...args].join(' '))
        resolve(exit)
      })
    })
  }

  get stdin(): Writable {
    return this.#process.stdin
  }

  /** Its stdout as bytes, for those that do not ask for lines; start reading before it writes. */
  get stdout(): Readable {
    return this.#process.stdout
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** What it has written to stderr until now. */
  get stderr(): string {
    return this.#stderr
  }

  /** Its next line on stdout; rejects with its stderr when it ends without one. */
  line(): Promise<string> {
    const line = this.#lines.shift()
    if (line !== undefined) return Promise.resolve(line)
    if (this.#over) return Promise.reject(new Error(`it has ended: ${this.#stderr}`))
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** Its next line, read as JSON. The caller knows what its script prints. */
  async report<T>(): Promise<T> {
    return JSON.parse(await this.line()) as T
  }

  /** Writes a line to its stdin. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    await this.exited.catch(() => {})
  }

  #onLine(line: string): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#lines.push(line)
    else waiting.resolve(line)
  }

  #onExit(exit: Exit, command: string): void {
    this.#over = true
    const how = exit.signal ?? `status ${exit.code}`
    for (const { reject } of this.#waiting) reject(new Error(`${command} ended with ${how}: ${exit.stderr}`))
    this.#waiting.length = 0
  }
}

/** Runs a script of ours in a Node of its own. Call `buildOnce` before, since the script imports `dist/`. */
export function startNode(script: URL, args: readonly string[] = [], options: ChildOptions = {}): Child {
  return new Child(process.execPath, [script.pathname, ...args], options)
}

/** Only the shell can set a limit for what it then becomes; Node has no setrlimit. */
function limited(command: string, args: readonly string[], descriptors?: number): [string, readonly string[]] {
  if (descriptors === undefined) return [command, args]
  return ['/bin/sh', ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, command, ...args]]
}
