import type { EventEmitter } from 'node:events'
import nodeNet from 'node:net'
import { expect } from 'vitest'
import ourNet from '../../src/net.ts'
import { given, type Need } from '../support/need.ts'

export type Net = typeof nodeNet

/** What each of the objects of a scenario emitted, in order, and what the scenario noted between. */
export class Log {
  readonly lines: Record<string, string[]> = {}

  /** Notes every event of an emitter, with its values. Events of different emitters have no order among them. */
  watch<E extends EventEmitter>(name: string, emitter: E): E {
    const emit = emitter.emit.bind(emitter)
    emitter.emit = (event: string | symbol, ...values: unknown[]): boolean => {
      if (!UNINTERESTING.has(event)) this.note(name, [String(event), ...values.map(describe)].join(' '))
      return emit(event, ...values)
    }
    return emitter
  }

  note(name: string, line: string): void {
    this.lines[name] ??= []
    this.lines[name].push(line)
  }

  /** A socket that is not expected to fail the scenario when it fails. */
  watchFailing<E extends EventEmitter>(name: string, emitter: E): E {
    emitter.on('error', () => undefined)
    return this.watch(name, emitter)
  }
}

const UNINTERESTING: ReadonlySet<string | symbol> = new Set(['newListener', 'removeListener'])

/** Waits for 'close', whether or not there is an 'error' before. */
export function closed(emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once('close', () => resolve()))
}

/** Ports are the system's choice, and differ. */
function describe(value: unknown): string {
  if (value instanceof AggregateError) return `[${value.errors.map(describe).join(', ')}] ${describeError(value)}`
  if (value instanceof Error) return describeError(value)
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString())
  if (typeof value === 'number' && value > 1024) return '<port>'
  return typeof value === 'object' && value !== null
    ? (value.constructor?.name ?? 'Object')
    : withoutPorts(String(value))
}

function describeError(error: Error): string {
  const { name, message, ...details } = Object.assign({ name: error.name, message: error.message }, error)
  return withoutPorts(`${name}: ${message} ${JSON.stringify(details)}`)
}

/** The numbers of ports, and what is different in a path by chance. */
function withoutPorts(text: string): string {
  return text.replace(/\b\d{4,5}\b/g, '<port>').replace(/polysocket-[\w-]+/g, '<directory>')
}

/** The same scenario over Node's own module and over ours: both have to tell the same. */
export function sameAsNode(name: string, scenario: (net: Net, log: Log) => Promise<void>, ...needs: Need[]): void {
  given(...needs)(name, async () => {
    const theirs = new Log()
    await scenario(nodeNet, theirs)
    const ours = new Log()
    await scenario(ourNet as unknown as Net, ours)
    expect(Object.keys(theirs.lines)).not.toEqual([])
    expect(ours.lines).toEqual(theirs.lines)
  })
}
