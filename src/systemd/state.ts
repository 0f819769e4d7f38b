import { inspect } from 'node:util'
import { wrongType, wrongValue } from '../core/argument-errors.ts'

/** What to tell the service manager: text as of sd_notify(3), `NAME=value` a line, or the same as an object. */
export type NotifyState = string | Readonly<Record<string, string | number | bigint>>

const NAME = /^\w+$/
const ASSIGNMENT = /^\w+=/

/**
 * The text to send. Throws a `TypeError` where it would not say what was meant: a value with a newline begins another
 * one.
 */
export function formatState(state: NotifyState): string {
  if (typeof state === 'string') return checkText(state)
  if (typeof state !== 'object' || state === null) throw wrongType('the state must be a string or an object')
  const lines = Object.entries(state).map(([name, value]) => `${checkName(name)}=${checkValue(name, value)}`)
  if (lines.length === 0) throw wrongValue('the state says nothing: it needs at least one NAME=value')
  return lines.join('\n')
}

function checkText(state: string): string {
  const lines = state.replace(/\n$/, '').split('\n')
  const wrong = lines.find((line) => !ASSIGNMENT.test(line) || line.includes('\0'))
  if (wrong !== undefined) throw wrongValue(`each line of the state must be NAME=value, not ${inspect(wrong)}`)
  return state
}

function checkName(name: string): string {
  if (!NAME.test(name)) throw wrongValue(`${inspect(name)} is no name for the state: letters, digits and _ are`)
  return name
}

function checkValue(name: string, value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint')
    throw wrongType(`${name} must be a string or a number, not ${inspect(value)}`)
  const text = String(value)
  if (/[\n\0]/.test(text)) throw wrongValue(`${name} has a newline or a NUL in it, which would end its value`)
  return text
}
