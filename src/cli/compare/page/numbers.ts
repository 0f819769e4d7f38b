/** `12.3 ms`: three digits are enough for reading. What is not a number was not measured. */
export function milliseconds(value: number): string {
  return Number.isFinite(value) ? `${threeDigits(value)} ms` : 'not measured'
}

/** Of a whole, which may be nothing. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${threeDigits((100 * part) / whole)} %` : '0 %'
}

export function bytes(value: number): string {
  return `${threeDigits(value)} ${value === 1 ? 'byte' : 'bytes'}`
}

/** `1 message`, `20 messages` */
export function count(value: number, singular: string): string {
  return `${threeDigits(value)} ${singular}${value === 1 ? '' : 's'}`
}

export function threeDigits(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-GB')
  const digits = Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))))
  return value.toLocaleString('en-GB', { maximumFractionDigits: digits })
}
