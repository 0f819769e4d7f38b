import type { EventEmitter } from 'node:events'

/**
 * Whether node:tls has wrapped this socket. It then answers the peer's end by a write of its own, for which a socket that
 * ends with its peer would be too early; over a socket of Node's own it writes past the stream. Nothing but the wrapper's
 * listener tells.
 */
export function isWrapped(socket: EventEmitter): boolean {
  return socket.listeners('end').some((listener) => String(listener).includes('emitEOF'))
}
