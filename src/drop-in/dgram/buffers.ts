import type { EventEmitter } from 'node:events'
import { coded } from '../../core/coded-error.ts'
import { bufferSizeFailed } from './buffer-size-error.ts'
import { openHandle } from './state.ts'
import { codeOf } from './system-codes.ts'

export type BufferName = 'receiveBuffer' | 'sendBuffer'

const calls = { receiveBuffer: 'uv_recv_buffer_size', sendBuffer: 'uv_send_buffer_size' } as const

/** In bytes. The system doubles what it is given, for its bookkeeping; socket(7). */
export function setBufferSize(socket: EventEmitter, buffer: BufferName, size: unknown): void {
  if (typeof size !== 'number' || size >>> 0 !== size) {
    throw coded(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer')
  }
  // 0 only asks, as in libuv.
  if (size === 0) getBufferSize(socket, buffer)
  else attempt(buffer, () => openHandle(socket).setOption(buffer, size))
}

export function getBufferSize(socket: EventEmitter, buffer: BufferName): number {
  return attempt(buffer, () => openHandle(socket).getOption(buffer) as number)
}

function attempt<T>(buffer: BufferName, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw bufferSizeFailed(codeOf(error), calls[buffer])
  }
}
