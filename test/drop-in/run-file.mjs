// One of Node's test files in a process of its own.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {'passed' | 'failed' | 'skipped'} Outcome
 * @typedef {{ outcome: Outcome, detail: string, milliseconds: number }} Result
 */

const timeLimit = 60_000
/** A test that floods its output is cut, not kept in memory. */
const outputLimit = 1 << 20

/**
 * @param {string} directory like Node's `test`
 * @param {string} file relative to it
 * @param {number} slot runs at the same time have different ones: each has its own port and temporary directory
 * @returns {Promise<Result>}
 */
export function runFile(directory, file, slot) {
  const path = join(directory, file)
  const started = performance.now()
  // Each test has its own process group, so that those it forked end with it.
  const child = spawn(process.execPath, [...flagsOf(path), path], {
    cwd: directory,
    detached: true,
    env: { ...process.env, TEST_THREAD_ID: String(slot), NODE_COMMON_PORT: String(portOf(slot)), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (/** @type {string} */ chunk) => {
    if (output.length < outputLimit) output += chunk
  }
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  let late = false
  const timer = setTimeout(() => {
    late = true
    endGroup(child.pid)
  }, timeLimit)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    // What it forked may have inherited the pipes: 'close' would wait for them.
    child.on('exit', () => endGroup(child.pid))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const milliseconds = Math.round(performance.now() - started)
      resolve({ ...judge(code, late ? `no end within ${timeLimit} ms` : signal, output), milliseconds })
    })
  })
}

/** The options that the file asks for in a line `// Flags: …`. */
function flagsOf(/** @type {string} */ path) {
  const line = /^\/\/ Flags: (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1]
  return line === undefined ? [] : line.trim().split(/\s+/)
}

/** Below the system's own range of ephemeral ports, and elsewhere for another run at the same time. */
function portOf(/** @type {number} */ slot) {
  return 12_000 + (process.pid % 1000) * 20 + slot
}

function endGroup(/** @type {number | undefined} */ leader) {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
  }
}

/** @returns {{ outcome: Outcome, detail: string }} */
function judge(/** @type {number | null} */ code, /** @type {string | null} */ ending, /** @type {string} */ output) {
  if (code !== 0 || ending !== null) {
    return { outcome: 'failed', detail: `${ending ?? `exit code ${code}`}\n${output.trimEnd()}` }
  }
  // Node's tests say so in TAP, and end with 0.
  const skipped = /^1\.\.0 # Skipped: (.*)$/m.exec(output)?.[1]
  return skipped === undefined ? { outcome: 'passed', detail: '' } : { outcome: 'skipped', detail: skipped }
}
