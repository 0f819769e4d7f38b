import { execFileSync } from 'node:child_process'
import { type TestFunction, test } from 'vitest'
import type { EngineName, SchemeFacts } from '../../src/index.ts'
import { families } from '../../src/index.ts'

/** What a test cannot do without. Where it is missing, the test is skipped, and its name says why and what helps. */
export interface Need {
  readonly met: boolean
  readonly note: string
}

export const nothing: Need = { met: true, note: '' }

export function need(met: boolean, reason: string, remedy: string): Need {
  return met ? nothing : { met, note: ` (skipped: ${reason}; ${remedy})` }
}

/** `given(need)('what it shows', async () => …)`: the test, or its skip with reason and remedy in its name. */
export function given(...needs: readonly Need[]): (name: string, run: TestFunction, timeout?: number) => void {
  const missing = needs.find(({ met }) => !met)
  return (name, run, timeout) => test.skipIf(missing !== undefined)(name + (missing?.note ?? ''), run, timeout)
}

/** A command line program, tried by running it. */
export function program(command: string, tryArguments: readonly string[], remedy: string): Need {
  return need(runs(command, tryArguments), `there is no ${command} here`, remedy)
}

export const socat: Need = program('socat', ['-V'], 'apt-get install socat')
export const python: Need = program('python3', ['-c', 'import socket'], 'apt-get install python3')
export const curl: Need = program('curl', ['--version'], 'apt-get install curl')

/** A scheme on an engine. The node engine carries tcp, udp and unix, and needs nothing; the kernel engine the addon. */
export function scheme(name: string, engine: EngineName = 'kernel'): Need {
  const { availability } = status(name)
  if (engine === 'node' && ['tcp', 'udp', 'unix'].includes(name)) return nothing
  if (!availability.available) return need(false, availability.reason, availability.remedy)
  const remedy = 'install a C++17 compiler, make and python3, then run: npm run build:native'
  return need(availability.engine === engine, `${name} runs on the ${availability.engine} engine here`, remedy)
}

export function factsOf(name: string): SchemeFacts {
  return status(name).facts
}

function status(name: string): ReturnType<typeof families>[number]['schemes'][number] {
  const found = families()
    .flatMap(({ schemes }) => schemes)
    .find((each) => each.scheme === name)
  if (found === undefined) throw new Error(`no built-in family has the scheme ${name}`)
  return found
}

/** A sanitizer that is preloaded for the addon's sake is kept out of it: not every program stands one (curl hangs). */
function runs(command: string, args: readonly string[]): boolean {
  const { LD_PRELOAD: _, ...env } = process.env
  try {
    execFileSync(command, args, { stdio: 'ignore', env, timeout: 10_000 })
    return true
  } catch {
    return false
  }
}
