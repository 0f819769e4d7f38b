/**
 * The conformance suite: what a family promises, as cases that any test runner can run. It is driven by facts and needs
 * one thing of a family, an `ephemeral` address, from which it makes its connections itself.
 *
 * ```ts
 * import { test } from 'vitest'
 * import { createSockets } from 'polysocket'
 * import { conformance } from 'polysocket/conformance'
 *
 * for (const { name, skip, run } of conformance(createSockets([mine]), mine)) {
 *   if (skip) test.skip(`${name} (${skip.reason}; ${skip.remedy})`)
 *   else test(name, run)
 * }
 * ```
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Address, AddressBase } from '../core/address.ts'
import type { AddressFamily } from '../core/family.ts'
import type { EngineName } from '../core/options.ts'
import type { Sockets } from '../core/sockets.ts'
import { performance } from '../core/timers.ts'
import { addresses } from './addresses.ts'
import { cancellation } from './cancellation.ts'
import type { CaseDefinition } from './case.ts'
import { closing } from './closing.ts'
import { datagramQueues } from './datagram-queues.ts'
import { datagrams } from './datagrams.ts'
import { Fixture, type Subject } from './fixture.ts'
import { handles } from './handles.ts'
import { lifecycle } from './lifecycle.ts'
import { listeners } from './listeners.ts'
import { options as optionCases } from './options.ts'
import { streamEnds } from './stream-ends.ts'
import { streams } from './streams.ts'

export interface ConformanceCase {
  /** Scheme, topic and what is tried: unique within a suite. */
  readonly name: string
  readonly scheme: string
  /** Why the case cannot be run here, and what to do about it; `run` rejects then. */
  readonly skip?: { readonly reason: string; readonly remedy: string }
  /** Rejects when the family does not keep its promise, mostly with an `AssertionError`. Cleans up after itself. */
  run(): Promise<void>
}

export interface ConformanceOptions {
  /** Default: all of the family's. */
  readonly schemes?: readonly string[]
  /** Default: the one that would be chosen anyway. */
  readonly engine?: EngineName
  /** A free address to listen at or bind to, another one at each call. Default: the family's `ephemeral`. */
  readonly address?: (scheme: string) => AddressBase | undefined
  /** How many connections to one listener can be open at a time, where that is few. Default 50. */
  readonly connections?: number
  /** Milliseconds until a case is given up. Default 10,000. */
  readonly timeout?: number
}

export interface ConformanceResult {
  readonly name: string
  readonly scheme: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly milliseconds: number
  /** Why it failed. */
  readonly error?: unknown
  readonly skip?: { readonly reason: string; readonly remedy: string }
}

const DEFAULT_TIMEOUT = 10_000

const TOPICS: Readonly<Record<string, readonly CaseDefinition[]>> = {
  addresses,
  handles,
  streams,
  'stream ends': streamEnds,
  datagrams,
  'datagram queues': datagramQueues,
  listeners,
  options: optionCases,
  cancellation,
  lifecycle,
  closing,
}

/** The cases that the family's facts call for. `sockets` must know the family. Nothing is opened before a case is run. */
export function conformance<A extends AddressBase>(
  sockets: Sockets,
  family: AddressFamily<A>,
  options: ConformanceOptions = {},
): ConformanceCase[] {
  const { schemes = Object.keys(family.schemes), timeout = DEFAULT_TIMEOUT } = options
  return schemes.flatMap((scheme) => {
    const subject = subjectOf(sockets, family as unknown as AddressFamily, scheme, options)
    const skip = skipOf(subject, options)
    return Object.entries(TOPICS).flatMap(([topic, cases]) =>
      cases
        .filter(({ when }) => when(subject.facts))
        .map(
          ({ name, run }): ConformanceCase => ({
            name: `${scheme}: ${topic}: ${name}`,
            scheme,
            ...(skip && { skip }),
            run: () => new Fixture(subject).run(run, timeout),
          }),
        ),
    )
  })
}

/** Runs the suite, one case after the other. `onResult` hears of each as it comes. */
export async function runConformance<A extends AddressBase>(
  sockets: Sockets,
  family: AddressFamily<A>,
  options: ConformanceOptions = {},
  onResult: (result: ConformanceResult) => void = () => undefined,
): Promise<ConformanceResult[]> {
  const results: ConformanceResult[] = []
  for (const one of conformance(sockets, family, options)) {
    const result = await resultOf(one)
    results.push(result)
    onResult(result)
  }
  return results
}

async function resultOf({ name, scheme, skip, run }: ConformanceCase): Promise<ConformanceResult> {
  if (skip !== undefined) return { name, scheme, outcome: 'skipped', milliseconds: 0, skip }
  const began = performance.now()
  const elapsed = () => performance.now() - began
  try {
    await run()
    return { name, scheme, outcome: 'passed', milliseconds: elapsed() }
  } catch (error) {
    return { name, scheme, outcome: 'failed', milliseconds: elapsed(), error }
  }
}

function subjectOf(sockets: Sockets, family: AddressFamily, scheme: string, options: ConformanceOptions): Subject {
  const facts = family.schemes[scheme]
  if (facts === undefined) throw new TypeError(`the family ${family.name} has no scheme ${scheme}`)
  const address = () => {
    const made = freeAddress(family, scheme, options)
    assert.ok(made !== undefined, 'there is no address to be had')
    return made
  }
  return { sockets, family, scheme, facts, engine: options.engine, address, connections: options.connections ?? 50 }
}

function freeAddress(family: AddressFamily, scheme: string, options: ConformanceOptions): Address | undefined {
  return (options.address?.(scheme) as Address | undefined) ?? family.ephemeral(scheme)
}

/** What stands in the way of every case of a scheme. */
function skipOf({ family, scheme }: Subject, options: ConformanceOptions): ConformanceCase['skip'] {
  const availability = family.probe(scheme)
  if (!availability.available) return { reason: availability.reason, remedy: availability.remedy }
  if (options.engine === 'kernel' && availability.engine === 'node') {
    return { reason: 'the kernel engine is not there, and node carries the scheme', remedy: 'npm run build:native' }
  }
  if (freeAddress(family, scheme, options) === undefined) {
    return {
      reason: 'the family has no ephemeral address for the scheme on this machine',
      remedy: 'hand the suite one: conformance(sockets, family, { address })',
    }
  }
  return undefined
}
