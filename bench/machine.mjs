import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

const STEAL = 7

/** Where and when it was measured. */
export const machine = () => ({
  date: new Date().toISOString(),
  node: process.version,
  kernel: release(),
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
})

/** Gives a function that tells which share of the processors' time the host has taken from this virtual machine since then. */
export function watchSteal() {
  const start = processorTimes()
  return () => {
    const spent = processorTimes().map((ticks, at) => ticks - start[at])
    return spent[STEAL] / spent.reduce((sum, ticks) => sum + ticks, 0)
  }
}

/** The first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in user's already. */
const processorTimes = () =>
  readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1, STEAL + 2)
    .map(Number)
