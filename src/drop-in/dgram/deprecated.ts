import type { EventEmitter } from 'node:events'
import { deprecate } from 'node:util'
import { openHandle, stateOf } from './state.ts'

const CODE = 'DEP0112'

/** The properties that `node:dgram` shows of its state: here they can be read, and setting them changes nothing. */
const properties = {
  _handle: 'handle',
  _receiving: 'receiving',
  _bindState: 'bindState',
  _queue: 'queue',
  _reuseAddr: 'reuseAddr',
} as const

/** Adds what `node:dgram` keeps for old programs, each with a warning on first use. */
export function addDeprecated(prototype: EventEmitter): void {
  for (const [name, key] of Object.entries(properties)) {
    const message = `Socket.prototype.${name} is deprecated`
    Object.defineProperty(prototype, name, {
      get: deprecate(
        function (this: EventEmitter) {
          return stateOf(this)[key]
        },
        message,
        CODE,
      ),
      set: deprecate(() => {}, message, CODE),
      configurable: true,
    })
  }
  const methods = { _healthCheck: (socket: EventEmitter) => void openHandle(socket), _stopReceiving: stopReceiving }
  for (const [name, method] of Object.entries(methods)) {
    const deprecated = function (this: EventEmitter) {
      method(this)
    }
    Object.defineProperty(prototype, name, {
      value: deprecate(deprecated, `Socket.prototype.${name}() is deprecated`, CODE),
      writable: true,
      configurable: true,
    })
  }
}

function stopReceiving(socket: EventEmitter): void {
  const state = stateOf(socket)
  state.handle?.stopReceiving()
  state.receiving = false
}
