/** A share from 0 to 1 in per cent, with as few digits as it takes and three at most: 0.07 * 100 is 7.000000000000001. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`
}

/** A time with one digit behind the point where that tells something. */
export function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds > 0 && milliseconds < 10 ? 1 : 0)} ms`
}
