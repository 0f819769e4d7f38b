import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The package's own directory. Child processes that run from it can `import 'polysocket'`, which is `dist/`. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

const entry = join(root, 'dist/index.js')
const lock = join(root, 'node_modules/.cache/polysocket-build.lock')

let building: Promise<void> | undefined

/**
 * Compiles `dist/` if a source file is newer than it. Tests that start child processes call it in `beforeAll`.
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
  if (!existsSync(entry)) return true
  const built = (await stat(entry)).mtimeMs
  const sources = await readdir(join(root, 'src'), { recursive: true })
  const times = await Promise.all(sources.map(async (name) => (await stat(join(root, 'src', name))).mtimeMs))
  return Math.max(...times) > built
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

/** `--noEmitOnError`: a source with errors must not leave a `dist/` behind that looks new. */
async function compile(): Promise<void> {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', 'tsconfig.build.json', '--noEmitOnError']
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) throw new Error(`dist/ does not compile:\n${output}`)
}
