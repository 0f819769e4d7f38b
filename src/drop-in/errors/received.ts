import { inspect } from 'node:util'

/** Longer texts are cut, so that a message does not carry a whole value. */
const MOST = 28

/** A value in the words of Node's messages: its type and what it is. */
export function received(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value !== 'object') {
    const text = inspect(value, { colors: false })
    return `type ${typeof value} (${text.length > MOST ? `${text.slice(0, MOST - 3)}...` : text})`
  }
  const maker: unknown = value.constructor?.name
  return typeof maker === 'string' && maker !== '' ? `an instance of ${maker}` : inspect(value, { depth: -1 })
}
