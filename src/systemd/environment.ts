import { inspect } from 'node:util'
import { SocketError } from '../index.ts'

/** The error for a variable that the service manager cannot have set so: sd_listen_fds(3) and others answer EINVAL. */
export function invalidVariable(name: string, value: string, why: string): SocketError {
  return new SocketError('EINVAL', `${name} is ${inspect(value)}: ${why}`)
}

/** A whole number, 1 or more, from the environment; `undefined` where the variable is not set. Throws EINVAL. */
export function readCount(name: string): number | undefined {
  const value = process.env[name]
  if (value === undefined) return undefined
  const count = /^\d{1,15}$/.test(value) ? Number(value) : 0
  if (count === 0) throw invalidVariable(name, value, 'it must be a whole number, 1 or more')
  return count
}

/** Whether a variable that names a process names this one. Throws EINVAL for one that names none. */
export function isForUs(name: string): boolean {
  return readCount(name) === process.pid
}
