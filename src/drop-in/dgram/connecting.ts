import type { EventEmitter } from 'node:events'
import { refusal } from '../block-list.ts'
import { placedError } from '../errors/system-error.ts'
import type { Place } from './kind.ts'
import { CONNECTED, DISCONNECTED, stateOf } from './state.ts'
import { translated } from './system-codes.ts'

/** Emits 'connect'. What goes wrong goes to the callback, and without one is emitted. */
export function startConnect(
  socket: EventEmitter,
  place: Place,
  callback: ((error?: unknown) => void) | undefined,
): void {
  const state = stateOf(socket)
  if (callback) socket.once('connect', callback)
  state.handle?.resolve(place, (lookupError, address) => {
    const { handle } = state
    if (handle === null) return
    let failure: Error | null = lookupError
    try {
      if (address !== undefined) {
        failure = refusal(state.sendBlockList, state.kind.describe(address).address) ?? null
        if (failure === null) handle.connect(address)
      }
    } catch (error) {
      failure = translated(error, (code) => placedError(code, 'connect', place.address ?? '', place.port))
    }
    if (failure === null) {
      state.connectState = CONNECTED
      process.nextTick(() => socket.emit('connect'))
    } else {
      state.connectState = DISCONNECTED
      process.nextTick(failConnect, socket, failure, callback)
    }
  })
}

function failConnect(socket: EventEmitter, failure: Error, callback: ((error?: unknown) => void) | undefined): void {
  if (callback) {
    socket.removeListener('connect', callback)
    callback(failure)
  } else {
    socket.emit('error', failure)
  }
}
