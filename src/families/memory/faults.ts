import { wrongType, wrongValue } from '../../core/argument-errors.ts'

/**
 * What goes wrong on a link. Whatever is left out does not happen. In an address the same names make a query:
 * `memory:name?loss=0.05&delay=40&jitter=20&seed=7`.
 *
 * Streams stay reliable and ordered: what is lost or held back is late, and everything behind it waits, as in TCP.
 */
export interface Faults {
  /** The share of transmissions that are lost, 0 to 1. A stream's segment is sent again one round trip later. */
  readonly loss?: number
  /** The share of messages that arrive twice, 0 to 1. A stream's second copy is counted and thrown away. */
  readonly duplicate?: number
  /**
   * The share of messages, 0 to 1, that are held back: for a round trip, and until their sender's next message has overtaken
   * them, or for a second where no other comes. All others arrive in the order of sending.
   */
  readonly reorder?: number
  /** One way, in milliseconds. A round trip is twice that and the jitter, but at least 25. */
  readonly delay?: number
  /**
   * Up to this many milliseconds more than `delay`, evenly spread, chosen for each message. A message that would overtake
   * another waits for it.
   */
  readonly jitter?: number
  /**
   * Streams: a connection is cut once it has carried this many bytes, both directions together: they still arrive, then
   * both ends get `ECONNRESET`. Datagrams: after this many messages, every further one is lost. At least 1.
   */
  readonly cut?: number
  /**
   * Chooses the sequence of faults, 0 to 4,294,967,295. The same seed and the same sends give the same faults at any pace.
   * Default 1.
   */
  readonly seed?: number
}

/** The faults with every gap filled. */
export type Rates = Required<Faults>

const NONE: Rates = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, cut: Number.POSITIVE_INFINITY, seed: 1 }

/** In the canonical order, each with what it must be. */
const RULES: Readonly<Record<keyof Faults, { readonly is: (value: number) => boolean; readonly words: string }>> = {
  loss: { is: isShare, words: 'from 0 to 1' },
  duplicate: { is: isShare, words: 'from 0 to 1' },
  reorder: { is: isShare, words: 'from 0 to 1' },
  delay: { is: isDuration, words: '0 or more milliseconds' },
  jitter: { is: isDuration, words: '0 or more milliseconds' },
  cut: { is: (value) => Number.isSafeInteger(value) && value >= 1, words: 'a whole number, 1 or more' },
  seed: {
    is: (value) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff,
    words: 'a whole number of 32 bits',
  },
}

export const faultNames: readonly (keyof Faults)[] = Object.keys(RULES) as (keyof Faults)[]

function isShare(value: number): boolean {
  return value >= 0 && value <= 1
}

function isDuration(value: number): boolean {
  return value >= 0 && Number.isFinite(value)
}

/** What is wrong with them, in words that follow a colon; `undefined` when nothing is. */
export function faultsProblem(faults: unknown): string | undefined {
  if (typeof faults !== 'object' || faults === null) return 'faults are not an object'
  for (const [name, value] of Object.entries(faults)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name as keyof Faults] : undefined
    if (rule === undefined) return `there is no fault named ${JSON.stringify(name)}; there are ${faultNames.join(', ')}`
    if (value === undefined) continue
    if (typeof value !== 'number' || !rule.is(value)) return `${name} is ${String(value)}, and must be ${rule.words}`
  }
  return undefined
}

/** Throws a `TypeError` that says what is wrong with them. */
export function checkFaults(faults: unknown, what: string): asserts faults is Faults {
  const problem = faultsProblem(faults)
  if (problem === undefined) return
  throw (typeof faults === 'object' && faults !== null ? wrongValue : wrongType)(`${what}: ${problem}`)
}

export function ratesOf(faults: Faults): Rates {
  return { ...NONE, ...given(faults) }
}

/** Without the keys that are there but `undefined`, in the canonical order. */
export function given(faults: Faults): Faults {
  return Object.fromEntries(faultNames.flatMap((name) => (faults[name] === undefined ? [] : [[name, faults[name]]])))
}

/** `loss=0.05&seed=7`; empty when there are none. */
export function formatFaults(faults: Faults): string {
  return Object.entries(given(faults))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** A number as JavaScript prints it, so that it reads back the same; no signs, no leading zeros. */
const NUMBER = /^(0|[1-9]\d*)(\.\d+)?(e[+-]\d+)?$/

/** Reads what follows the question mark: the faults, or a text that says what is wrong. */
export function parseFaults(query: string): Faults | string {
  const faults = new Map<string, number>()
  for (const part of query.split('&')) {
    const [name = '', value, ...more] = part.split('=')
    if (value === undefined || more.length > 0) return `${JSON.stringify(part)} is not a fault, such as loss=0.05`
    if (faults.has(name)) return `${name} is given twice`
    if (!NUMBER.test(value)) return `${name} is ${JSON.stringify(value)}, which is not a number`
    faults.set(name, Number(value))
  }
  const read = Object.fromEntries(faults)
  return faultsProblem(read) ?? given(read)
}
