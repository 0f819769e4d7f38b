// From the first boot to the exit code.
import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { LAB_FAILED, LabError, TIMED_OUT } from './errors.mjs'
import { log } from './log.mjs'
import { startMachine } from './machine.mjs'
import { Session } from './session.mjs'
import { connectTerminal } from './terminal.mjs'

/** A boot of the emulated machine fails now and then: a race of qemu's, a controller that does not come up. */
const boots = 3
const bootSeconds = 180
const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * @param {import('./options.mjs').Options & { image: string, initrd: string }} wanted
 * @param {(attempt: number) => string} requestFor
 * @returns {Promise<number>} the command's exit code
 */
export async function run(wanted, requestFor) {
  for (let attempt = 1; ; attempt++) {
    const session = new Session(startMachine(wanted))
    const unwatch = endOnSignals(session)
    const disconnect = wanted.terminal ? connectTerminal(session) : connectOutput(session)
    try {
      const problem = await session.boot(requestFor(attempt), bootSeconds)
      if (problem === undefined) return await finish(session, wanted.timeout)
      if (session.signal !== undefined) return 128 + constants.signals[session.signal]
      if (!session.hasEnded) await session.report()
      log(`the guest did not come up: ${problem}; its console ended with:\n${session.consoleTail(60)}`)
      if (attempt === boots) throw new LabError(`gave up after ${boots} boots`, LAB_FAILED)
      log(`booting again (${attempt + 1} of ${boots})`)
    } finally {
      await session.end()
      disconnect()
      unwatch()
      keepConsole(wanted.console, session, attempt)
    }
  }
}

/** @param {Session} session @param {number} seconds */
async function finish(session, seconds) {
  const outcome = await session.command(seconds)
  if (session.signal !== undefined) return 128 + constants.signals[session.signal]
  if (typeof outcome === 'number') return outcome
  if (outcome === 'timeout') await session.report()
  const reason = outcome === 'timeout' ? `the command took longer than ${seconds} s` : 'the guest crashed'
  log(`${reason}; the guest's console ended with:\n${session.consoleTail(150)}`)
  return outcome === 'timeout' ? TIMED_OUT : LAB_FAILED
}

/** @param {Session} session */
function connectOutput(session) {
  session.passOn(session.machine.stdout, process.stdout)
  session.passOn(session.machine.stderr, process.stderr)
  return () => {}
}

/** One file for all boots. @param {string | undefined} path @param {Session} session @param {number} attempt */
function keepConsole(path, session, attempt) {
  if (path !== undefined) writeFileSync(path, session.consoleText, { flag: attempt > 1 ? 'a' : 'w' })
}

/** @param {Session} session */
function endOnSignals(session) {
  /** @param {NodeJS.Signals} signal */
  const onSignal = (signal) => session.kill(signal)
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
