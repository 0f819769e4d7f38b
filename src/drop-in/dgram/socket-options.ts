import type { EventEmitter } from 'node:events'
import { coded } from '../../core/coded-error.ts'
import { callFailed } from '../errors/system-error.ts'
import { openHandle } from './state.ts'
import { codeOf } from './system-codes.ts'

/** Sets an option of our engine in the name of the method that was called. A value that cannot be is EINVAL. */
export function setOption(socket: EventEmitter, method: string, name: string, value: () => unknown): void {
  const handle = openHandle(socket)
  try {
    handle.setOption(name, value())
  } catch (error) {
    throw callFailed(codeOf(error), method)
  }
}

/** Hops that a packet may travel, 0 or 1 to 255: the system takes -1 for its own default, and `node:dgram` does not. */
export function setHops(socket: EventEmitter, method: string, name: string, hops: number, fewest: 0 | 1): number {
  const whole = Math.trunc(hops)
  const isPossible = whole >= fewest && whole <= 255
  setOption(socket, method, name, () => (isPossible ? whole : undefined))
  return hops
}

/** Joins or leaves a group; a socket that is not bound yet is then bound by the system. */
export function setMembership(socket: EventEmitter, method: string, name: string, value: () => unknown): void {
  const handle = openHandle(socket)
  try {
    const membership = value()
    handle.openForGroups()
    handle.setOption(name, membership)
  } catch (error) {
    throw callFailed(codeOf(error), method)
  }
}

export function requireGroup(socket: EventEmitter, group: unknown): void {
  openHandle(socket)
  if (!group) throw coded(TypeError, 'ERR_MISSING_ARGS', 'The "multicastAddress" argument must be specified')
}
