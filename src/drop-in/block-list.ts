import { BlockList, isIP } from 'node:net'
import { type CodedError, coded } from '../core/coded-error.ts'
import { invalidType } from './errors/argument-errors.ts'

export type { BlockList }

/** Reads the option of this name; `undefined` for a falsy value. Throws a `TypeError` for what is no block list, as Node does. */
export function readBlockList(value: unknown, name: string): BlockList | undefined {
  if (!value) return undefined
  if (!isBlockList(value)) throw invalidType(`options.${name}`, 'an net.BlockList', value)
  return value
}

/** Node 20 has no `isBlockList` yet. */
function isBlockList(value: unknown): value is BlockList {
  const { isBlockList: ofNode } = BlockList as { isBlockList?: (value: unknown) => boolean }
  return ofNode?.(value) ?? value instanceof BlockList
}

/** Whether the list has this IP address. False for text that is no IP address. */
export function isBlocked(list: BlockList | undefined, address: string | undefined): boolean {
  if (list === undefined || address === undefined) return false
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** The error for connecting or sending to this address; `undefined` where it is not blocked. */
export function refusal(list: BlockList | undefined, address: string): CodedError | undefined {
  if (!isBlocked(list, address)) return undefined
  return coded(Error, 'ERR_IP_BLOCKED', `IP(${address}) is blocked by net.BlockList`)
}
