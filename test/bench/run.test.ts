import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildOnce, root } from '../support/build.ts'
import { Child, type Exit } from '../support/child.ts'
import { eventually } from '../support/resources.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'
import type { Result } from './result.ts'

interface Row {
  readonly id: string
  readonly ratio: { readonly median: number; readonly lowest: number; readonly highest: number }
  readonly rounds: { readonly ours: readonly Result[]; readonly peer: readonly Result[] }
}

const SHORT = ['--rounds', '2', '--milliseconds', '20']

let directory: TemporaryDirectory

beforeAll(async () => {
  await buildOnce()
  directory = await temporaryDirectory()
})

afterAll(() => directory[Symbol.asyncDispose]())

async function bench(...args: readonly string[]): Promise<Exit> {
  await using child = new Child(process.execPath, [join(root, 'bench/run.mjs'), ...args])
  return await child.exited
}

async function measure(row: string): Promise<{ result: Row; stdout: string }> {
  const file = directory.file('results.json')
  const { code, stdout, stderr } = await bench('--only', row, ...SHORT, '--json', file)
  expect(code, stderr).toBe(0)
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: Row[] }
  expect(results).toHaveLength(1)
  return { result: results[0] as Row, stdout }
}

test('a row is measured in rounds of both sides, with what they cost', async () => {
  const { result, stdout } = await measure('W4 unix')
  for (const rounds of [result.rounds.ours, result.rounds.peer]) {
    expect(rounds).toHaveLength(2)
    for (const { units, seconds, cpu, p50 = 0, p99 = 0 } of rounds) {
      expect(units).toBeGreaterThan(0)
      expect(seconds).toBeGreaterThanOrEqual(0.02)
      expect(cpu).toBeGreaterThan(0)
      expect(p50).toBeGreaterThan(0)
      expect(p99).toBeGreaterThanOrEqual(p50)
    }
  }
  const { lowest, median, highest } = result.ratio
  expect([lowest, median, highest].toSorted((a, b) => a - b)).toEqual([lowest, median, highest])
  expect(stdout).toMatch(/^W4 unix +unix echo, 64 B +[\d.]+ +[\d.]+ +thousand trips\/s/m)
})

test('all that is written to a stream arrives', async () => {
  const { result } = await measure('W1 unix')
  for (const { units, sent } of [...result.rounds.ours, ...result.rounds.peer]) expect(units).toBe(sent)
})

test('a datagram has arrived, or was dropped by the kernel', async () => {
  const { result, stdout } = await measure('W5 64')
  for (const { units, sent, dropped = 0 } of result.rounds.peer) {
    expect(units).toBeGreaterThan(0)
    expect(units + dropped).toBe(sent)
  }
  // Ours pass through the kernel many as one, and are dropped and counted so.
  const LONGEST_RUN = 64
  for (const { units, sent = 0, dropped = 0 } of result.rounds.ours) {
    expect(units).toBeGreaterThan(0)
    expect(units + dropped).toBeLessThanOrEqual(sent)
    expect(units + dropped * LONGEST_RUN).toBeGreaterThanOrEqual(sent)
  }
  expect(stdout).toMatch(/^loss +sent +received +dropped by the kernel +lost/m)
})

test('a relay moves all that its source sends', async () => {
  const { result } = await measure('W12 1 ')
  for (const { units, sent, cpu } of [...result.rounds.ours, ...result.rounds.peer]) {
    expect(units).toBe(sent)
    expect(cpu).toBeGreaterThan(0)
  }
})

test('--quick ends with status 1 under a floor that is too high, and names the row', async () => {
  const floors = directory.file('floors.json')
  writeFileSync(floors, '{ "W13 http": 1000 }')
  const { code, stderr } = await bench('--quick', '--only', 'W13', ...SHORT, '--floors', floors)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^W13 http: a ratio of [\d.]+ is under its floor, 1000$/m)
})

test('--quick passes over its floors', async () => {
  const floors = directory.file('floors.json')
  writeFileSync(floors, '{ "W13 http": 0.0001 }')
  const { code, stderr } = await bench('--quick', '--only', 'W13', ...SHORT, '--floors', floors)
  expect(code, stderr).toBe(0)
})

test('the chart is an SVG with every row that was measured', async () => {
  const file = directory.file('chart.svg')
  const { code, stderr } = await bench('--only', 'W7', ...SHORT, '--svg', file)
  expect(code, stderr).toBe(0)
  const svg = readFileSync(file, 'utf8')
  expect(svg).toMatch(/^<svg .*<\/svg>\s*$/s)
  expect(svg).toContain('udp echo, 64 B')
})

test('--growth measures a row at one size', async () => {
  const file = directory.file('growth.svg')
  const { code, stdout, stderr } = await bench('--growth', '--only', 'udp 16 B', ...SHORT, '--svg', file)
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^W5 × 16 +udp 16 B/m)
  expect(readFileSync(file, 'utf8')).toContain('How cost grows')
})

test('what it does not know it refuses, and says what there is', async () => {
  for (const args of [['--fast'], ['--rounds', '0'], ['--only', 'no such row'], ['--quick', '--growth']]) {
    const { code, stderr } = await bench(...args)
    expect(code).toBe(1)
    expect(stderr).toContain('npm run bench -- [options]')
  }
})

test('no side outlives a bench that is killed', async () => {
  // It cannot remove its own temporary directory: it makes it in ours.
  const env = { ...process.env, TMPDIR: directory.path }
  const child = spawn(process.execPath, [join(root, 'bench/run.mjs'), '--only', 'W4 unix'], { stdio: 'ignore', env })
  expect(await eventually(() => childrenOf(child.pid).length >= 4, 10_000)).toBe(true)
  const sides = childrenOf(child.pid)
  child.kill('SIGKILL')
  expect(await eventually(() => sides.every((pid) => !isRunning(pid)), 10_000)).toBe(true)
})

const childrenOf = (pid: number | undefined): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
