import type { LinkFaults } from './result.ts'

/** `0.21 ms`, `43.1 ms`, `1204 ms`: three digits are enough for reading. */
export function milliseconds(value: number): string {
  return Number.isNaN(value) ? '-' : `${value.toFixed(digitsFor(value))} ms`
}

/** Two for small numbers, none for large ones. */
export function digitsFor(value: number): number {
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return 0
  return Math.abs(value) >= 10 ? 1 : 2
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

/** `5% lost, 1% doubled, 1% held back, 20 to 25 ms one way, seed 1`. */
export function linkText({ loss, duplicate, reorder, delay, jitter, seed }: LinkFaults): string {
  const percent = (value: number, word: string): string[] =>
    value === 0 ? [] : [`${+(value * 100).toFixed(2)}% ${word}`]
  const time = jitter === 0 ? `${delay} ms` : `${delay} to ${delay + jitter} ms`
  return [
    ...percent(loss, 'lost'),
    ...percent(duplicate, 'doubled'),
    ...percent(reorder, 'held back'),
    `${time} one way`,
    `seed ${seed}`,
  ].join(', ')
}
