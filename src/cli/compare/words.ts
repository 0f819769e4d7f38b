import type { Agreement, Comparison, Delivery, LinkFaults, Outcome, SchemeResult } from './result.ts'

// What the table for a terminal and the page for a browser say in the same words.

/** `12.3 ms`. What is not a number was not measured. */
export function milliseconds(value: number): string {
  return Number.isFinite(value) ? `${threeDigits(value)} ms` : 'not measured'
}

/** `5 %`; of a whole, which may be nothing. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${threeDigits((100 * part) / whole)} %` : '0 %'
}

/** `1 message`, `20 messages` */
export function count(value: number, singular: string): string {
  return `${threeDigits(value)} ${singular}${value === 1 ? '' : 's'}`
}

/** `1 round trip` where they were counted; `1.1 round trips` by the time, whose second digit would mean nothing. */
export function roundTrips(value: number): string {
  return Number.isInteger(value) ? count(value, 'round trip') : `${value.toFixed(1)} round trips`
}

/** Three digits are enough for reading; of whole numbers all of them. */
export function threeDigits(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-GB')
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toLocaleString('en-GB', { maximumFractionDigits: digits })
}

/** `500 messages of 200 bytes (rfcomm: 100)` */
export function messagesInWords({ messages, size, schemes }: Comparison): string {
  const others = exceptions(schemes, ({ delivery }) => delivery.sent, messages, threeDigits)
  return `${count(messages, 'message')} of ${count(size, 'byte')}${others}`
}

/** `one every 4 ms (rfcomm: 20 ms)` */
export function paceInWords({ interval, schemes }: Comparison): string {
  const others = exceptions(schemes, (each) => each.interval, interval, milliseconds)
  return `one every ${milliseconds(interval)}${others}`
}

/** The schemes that have another value than the usual one, in brackets. */
function exceptions(
  schemes: readonly Outcome[],
  of: (each: SchemeResult) => number,
  usual: number,
  tell: (value: number) => string,
): string {
  const others = schemes.flatMap((each) =>
    'delivery' in each && of(each) !== usual ? [`${each.scheme}: ${tell(of(each))}`] : [],
  )
  return others.length === 0 ? '' : ` (${others.join(', ')})`
}

/** `5 % lost, 1 % duplicated, 20 to 25 ms each way, seed 1` */
export function linkInWords({ loss, duplicate, reorder, delay, jitter, seed }: LinkFaults): string {
  const time = jitter > 0 ? `${threeDigits(delay)} to ${milliseconds(delay + jitter)}` : milliseconds(delay)
  const effects = [
    ...(loss > 0 ? [`${percent(loss, 1)} lost`] : []),
    ...(duplicate > 0 ? [`${percent(duplicate, 1)} duplicated`] : []),
    ...(reorder > 0 ? [`${percent(reorder, 1)} reordered`] : []),
    ...(delay > 0 || jitter > 0 ? [`${time} each way`] : []),
  ]
  return effects.length === 0 ? 'as it is, undisturbed' : `${effects.join(', ')}, seed ${seed}`
}

/** What befell the messages, each as `26 lost`; nothing where all came once and in order. */
export function troubles({ lost, duplicated, reordered }: Delivery): string[] {
  const all: readonly (readonly [number, string])[] = [
    [lost, 'lost'],
    [duplicated, 'duplicated'],
    [reordered, 'reordered'],
  ]
  return all.flatMap(([number, word]) => (number > 0 ? [`${threeDigits(number)} ${word}`] : []))
}

/** `ordered is declared yes, and measured: 7 after a later one` */
export function disagreement({ fact, declared, measured }: Agreement): string {
  return `${fact} is declared ${declared}, and measured: ${measured}`
}
