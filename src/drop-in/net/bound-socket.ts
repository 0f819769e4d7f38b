import net from 'node:net'
import { invalidValue } from '../errors/argument-errors.ts'

/** Throws for a `net.BoundSocket`, which Node has since 24.22: nobody but `node:net` gets its handle. */
export function refuseBoundSocket(value: object, name: string): void {
  const { BoundSocket } = net as { BoundSocket?: unknown }
  if (typeof BoundSocket === 'function' && value instanceof BoundSocket) {
    throw invalidValue(name, value, 'is a net.BoundSocket, which only node:net can use')
  }
}
