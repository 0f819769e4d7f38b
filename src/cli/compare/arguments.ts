import { InvalidArgumentError } from 'commander'

/** `5%` or `0.05`. */
export function share(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const value = Number(digits) / (percent === '%' ? 100 : 1)
  if (digits === undefined || value > 1) throw new InvalidArgumentError('It must be a share, such as 5% or 0.05.')
  return value
}

/** `20ms`, `20` or `0.02s`, in milliseconds. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? []
  const value = Number(digits) * (unit === 's' ? 1000 : 1)
  // A minute of delay is beyond every network, and far below what setTimeout takes.
  if (digits === undefined || value > 60_000) {
    throw new InvalidArgumentError('It must be a time of up to a minute, such as 20ms, 20 or 0.02s.')
  }
  return value
}

/** A whole number from 1 to `limit`. */
export function count(limit: number): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d{0,14}$/.test(text) || Number(text) > limit) {
      throw new InvalidArgumentError(`It must be a whole number from 1 to ${limit}.`)
    }
    return Number(text)
  }
}

/** What chooses a sequence of faults: 32 bits. */
export function seed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffffffff) {
    throw new InvalidArgumentError('It must be a whole number from 0 to 4294967295.')
  }
  return Number(text)
}
