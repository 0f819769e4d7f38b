import type { DuplexOptions } from 'node:stream'
import type { BlockList } from '../block-list.ts'
import { invalidValue } from '../errors/argument-errors.ts'
import { checkNumber } from '../errors/checks.ts'
import type { ForeignHandle } from './descriptors.ts'
import type { SocketHandle } from './socket-handle.ts'
import type { OnRead } from './user-buffer.ts'

export interface SocketOptions extends Omit<DuplexOptions, 'signal'> {
  /** A connected socket to take over. */
  fd?: number | undefined
  handle?: SocketHandle | ForeignHandle | undefined
  /** `false`: reading from a given handle does not begin by itself. */
  readable?: boolean | undefined
  writable?: boolean | undefined
  onread?: OnRead | undefined
  signal?: AbortSignal | undefined
  noDelay?: boolean | undefined
  keepAlive?: boolean | undefined
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined
  /** With a handle: reading does not begin by itself. */
  pauseOnCreate?: boolean | undefined
  manualStart?: boolean | undefined
  /** Connecting to these addresses fails with `ERR_IP_BLOCKED`. */
  blockList?: BlockList | undefined
}

/** The options of a constructor; a number is a descriptor. Throws what Node throws. */
export function readSocketOptions(given: SocketOptions | number | null | undefined): SocketOptions {
  if (typeof given === 'number') return { fd: given }
  const options = { ...given }
  for (const mode of ['objectMode', 'readableObjectMode', 'writableObjectMode'] as const) {
    if (options[mode]) throw invalidValue(`options.${mode}`, options[mode], 'is not supported')
  }
  if (options.keepAliveInitialDelay !== undefined) {
    checkNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay')
  }
  return options
}

/** Milliseconds as whole seconds, in which the system counts. */
export function wholeSeconds(milliseconds: number | undefined): number {
  return Math.trunc(Math.max(0, milliseconds ?? 0) / 1000)
}
