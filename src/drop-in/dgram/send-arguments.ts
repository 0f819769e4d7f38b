import { coded } from '../../core/coded-error.ts'
import { invalidType } from '../errors/argument-errors.ts'
import type { Place, SocketKind } from './kind.ts'

/** `bytes` is there without an error alone; typed as in `node:dgram`. */
export type SendCallback = (error: Error | null, bytes: number) => void

export interface Sending {
  readonly data: Uint8Array
  /** `undefined`: the peer. */
  readonly to: Place | undefined
  readonly callback: SendCallback | undefined
}

/** The arguments of `send` after the first, by position; what each means depends on the others. */
export type SendArguments = readonly [unknown?, unknown?, unknown?, unknown?, unknown?]

const BYTES_OR_TEXT = 'of type string or an instance of Buffer, TypedArray, or DataView'

/**
 * Reads the arguments of `send`. Unconnected: `(data, port, address?, callback?)`, or with an offset and a length after the
 * data where there is a port or an address behind them. Connected: `(data, callback?)`, or with an offset and a length.
 */
export function readSend(kind: SocketKind, isConnected: boolean, data: unknown, rest: SendArguments): Sending {
  const { part, port, address, callback } = isConnected ? toPeer(data, rest) : toAddress(data, rest)
  const bytes = bytesOf(part)
  const given = typeof address === 'function' ? undefined : address
  const to = isConnected ? undefined : kind.peerPlace(port, given)
  const last = typeof address === 'function' ? address : callback
  return { data: bytes, to, callback: typeof last === 'function' ? (last as SendCallback) : undefined }
}

interface Parts {
  readonly part: unknown
  readonly port?: unknown
  readonly address?: unknown
  readonly callback?: unknown
}

function toAddress(data: unknown, [first, second, third, fourth, fifth]: SendArguments): Parts {
  const hasOffset = Boolean(fourth) || (Boolean(third) && typeof third !== 'function')
  if (!hasOffset) return { part: data, port: first, address: second, callback: third }
  return { part: slice(data, first, second), port: third, address: fourth, callback: fifth }
}

function toPeer(data: unknown, [first, second, third, fourth, fifth]: SendArguments): Parts {
  const hasOffset = typeof second === 'number'
  const part = hasOffset ? slice(data, first, second) : data
  const hasCallback = hasOffset && typeof third === 'function'
  const port = hasCallback ? undefined : third
  if (port || fourth) throw coded(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected')
  if (!hasOffset) return { part, callback: first }
  return { part, callback: hasCallback ? third : fifth }
}

function slice(data: unknown, offset: unknown, length: unknown): Uint8Array {
  const whole = viewOf(data)
  if (whole === undefined) throw invalidType('buffer', BYTES_OR_TEXT, data)
  // Anything is taken for a number here, as by Node.
  const start = (offset as number) >>> 0
  const size = (length as number) >>> 0
  if (start > whole.length) throw coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"offset" is outside of buffer bounds')
  if (start + size > whole.length) {
    throw coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds')
  }
  return whole.subarray(start, start + size)
}

function bytesOf(data: unknown): Uint8Array {
  if (!Array.isArray(data)) {
    const bytes = viewOf(data)
    if (bytes === undefined) throw invalidType('buffer', BYTES_OR_TEXT, data)
    return bytes
  }
  const parts = data.map(viewOf)
  if (parts.some((part) => part === undefined)) throw invalidType('buffer list arguments', BYTES_OR_TEXT, data)
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts as Uint8Array[])
}

function viewOf(data: unknown): Uint8Array | undefined {
  if (typeof data === 'string') return Buffer.from(data)
  if (data instanceof Uint8Array) return data
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined
}
