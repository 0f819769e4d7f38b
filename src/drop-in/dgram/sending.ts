import type { EventEmitter } from 'node:events'
import type { AddressBase } from '../../core/address.ts'
import { refusal } from '../block-list.ts'
import { placedError } from '../errors/system-error.ts'
import type { Sent } from './outbox.ts'
import type { Sending } from './send-arguments.ts'
import { stateOf } from './state.ts'

/** Of a bound socket. A name that is not found goes to the callback or is emitted; all else goes to the callback alone. */
export function startSend(socket: EventEmitter, sending: Sending): void {
  if (sending.to === undefined) {
    hand(socket, sending, undefined)
    return
  }
  const { handle, kind, sendBlockList } = stateOf(socket)
  handle?.resolve(sending.to, (error, address) => {
    const refused = sendBlockList && address && refusal(sendBlockList, kind.describe(address).address)
    if (refused !== undefined) {
      // Without a callback nobody is told, as in Node.
      if (sending.callback !== undefined) process.nextTick(sending.callback, refused)
    } else if (error === null) hand(socket, sending, address)
    else if (sending.callback !== undefined) process.nextTick(sending.callback, error)
    else process.nextTick(() => socket.emit('error', error))
  })
}

function hand(socket: EventEmitter, { data, to, callback }: Sending, address: AddressBase | undefined): void {
  const sent: Sent | undefined =
    callback &&
    ((failure, bytes) => {
      if (failure === null) callback(null, bytes)
      else (callback as (error: Error) => void)(placedError(failure, 'send', to?.address, to?.port))
    })
  // Closed in the meantime: the callback is not called, as in Node.
  stateOf(socket).handle?.send(data, address, sent)
}
