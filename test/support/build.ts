import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The package's own directory. Child processes that run from it can `import 'polysocket'`, which is `dist/`. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** What is compiled, into what, in this order: examples stand on the package. */
const parts = [
  { config: 'tsconfig.build.json', sources: 'src', entry: join(root, 'dist/index.js') },
  { config: 'examples/tsconfig.json', sources: 'examples/call', entry: join(root, 'examples/build/call/demo.js') },
]
const lock = join(root, 'node_modules/.cache/polysocket-build.lock')

let building: Promise<void> | undefined

/**
 * Compiles `dist/` and the examples if a source file is newer than they are. Tests that start child processes call it in `beforeAll`.
 * Test files run in parallel processes: a lock makes one of them compile and the others wait.
 */
export function buildOnce(): Promise<void> {
  building ??= build()
  return building
}

async function build(): Promise<void> {
  while (await isStale()) {
    if (!(await takeLock())) {
      await sleep(100)
      continue
    }
    try {
      if (await isStale()) await compile()
    } finally {
      await rm(lock, { recursive: true, force: true })
    }
  }
}

async function isStale(): Promise<boolean> {
  if (existsSync(lock)) return true
  const stale = await Promise.all(
    parts.map(async ({ sources, entry }) => (await newest(sources)) > (await builtAt(entry))),
  )
  return stale.includes(true)
}

async function newest(folder: string): Promise<number> {
  const names = (await readdir(join(root, folder), { recursive: true })).filter((name) => name.endsWith('.ts'))
  const times = await Promise.all(names.map(async (name) => (await stat(join(root, folder, name))).mtimeMs))
  return Math.max(...times)
}

async function builtAt(entry: string): Promise<number> {
  return existsSync(entry) ? (await stat(entry)).mtimeMs : 0
}

/** A lock whose owner has died is taken away, so that one killed run does not stop every later one. */
async function takeLock(): Promise<boolean> {
  await mkdir(join(lock, '..'), { recursive: true })
  try {
    await mkdir(lock)
    await writeFile(join(lock, 'pid'), String(process.pid))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const owner = Number(await readFile(join(lock, 'pid'), 'utf8').catch(() => '0'))
  const age = Date.now() - (await stat(lock).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
  if (owner === 0 ? age > 5000 : !isAlive(owner)) await rm(lock, { recursive: true, force: true })
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function compile(): Promise<void> {
  for (const { config } of parts) await compilePart(config)
}

/** `--noEmitOnError`: a source with errors must not leave something behind that looks new. */
async function compilePart(config: string): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', config, '--noEmitOnError']
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) throw new Error(`${config} does not compile:\n${output}`)
}
