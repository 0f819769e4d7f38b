import type { EventEmitter } from 'node:events'
import type { AddressBase } from '../../core/address.ts'
import { askPrimary, isWorker } from '../cluster.ts'
import { invalidDescriptor } from '../errors/argument-errors.ts'
import { failureOf, type SystemCode } from '../errors/failure.ts'
import { callFailed, placedError } from '../errors/system-error.ts'
import type { BindRequest } from './bind-arguments.ts'
import { setBufferSize } from './buffers.ts'
import { isOfKind } from './descriptor.ts'
import type { Place } from './kind.ts'
import type { NodeUdpHandle } from './node-handle.ts'
import { type SharedSocket, UV_UDP_IPV6ONLY, UV_UDP_REUSEADDR } from './shared-socket.ts'
import { BOUND, openHandle, stateOf, UNBOUND } from './state.ts'
import { translated } from './system-codes.ts'

/** Emits 'listening', or 'error' for what the system refuses. Throws for a descriptor that cannot be used. */
export function startBind(socket: EventEmitter, request: BindRequest): void {
  if ('handle' in request) {
    openHandle(socket).share(request.handle)
    startListening(socket)
  } else if ('fd' in request) {
    bindDescriptor(socket, request.fd, request.exclusive)
  } else {
    bindPlace(socket, request.place, request.exclusive)
  }
}

function bindDescriptor(socket: EventEmitter, fd: number, exclusive: boolean): void {
  const { kind } = stateOf(socket)
  if (!exclusive && kind.isShared && isWorker()) {
    const wanted = { address: null, port: null, addressType: kind.type, fd, flags: null }
    bindShared(socket, wanted, (failure) => callFailed(failure, 'open'))
    return
  }
  const found = isOfKind(fd, kind)
  if (found !== true) throw invalidDescriptor(found)
  try {
    openHandle(socket).open(fd)
  } catch (error) {
    throw translated(error, (failure) => callFailed(failure, 'open'))
  }
  startListening(socket)
}

function bindPlace(socket: EventEmitter, place: Place, exclusive: boolean): void {
  const { kind, reuseAddr, ipv6Only, handle: before } = stateOf(socket)
  before?.resolve(place, (error, address) => {
    // Closed in the meantime.
    if (stateOf(socket).handle === null) return
    if (error !== null || address === undefined) {
      failBind(socket, error)
      return
    }
    const { address: host, port } = kind.describe(address)
    const fail = (failure: SystemCode) => placedError(failure, 'bind', host, port)
    if (exclusive || !kind.isShared || !isWorker()) {
      bindOwn(socket, address, fail)
    } else {
      const flags = (reuseAddr ? UV_UDP_REUSEADDR : 0) | (ipv6Only ? UV_UDP_IPV6ONLY : 0)
      bindShared(socket, { address: host, port, addressType: kind.type, fd: -1, flags }, fail)
    }
  })
}

function bindOwn(socket: EventEmitter, address: AddressBase, fail: (failure: SystemCode) => Error): void {
  const onError = (error: unknown): void => failBind(socket, translated(error, fail))
  let bound: void | Promise<void>
  try {
    bound = openHandle(socket).bind(address)
  } catch (error) {
    onError(error)
    return
  }
  if (bound === undefined) {
    startListening(socket)
    return
  }
  // In a tick of their own: what a listener throws is no rejection.
  bound.then(
    () => process.nextTick(() => stateOf(socket).handle !== null && startListening(socket)),
    (error) => process.nextTick(() => stateOf(socket).handle !== null && onError(error)),
  )
}

function bindShared(socket: EventEmitter, wanted: SharedSocket, fail: (failure: SystemCode) => Error): void {
  askPrimary<SharedSocket, NodeUdpHandle>(socket, wanted, (errno, shared) => {
    const { handle } = stateOf(socket)
    if (handle === null) {
      shared?.close()
    } else if (errno !== 0 || !shared) {
      failBind(socket, fail(failureOf(errno)))
    } else {
      handle.share(shared)
      startListening(socket)
    }
  })
}

function startListening(socket: EventEmitter): void {
  const state = stateOf(socket)
  state.handle?.receive()
  state.receiving = true
  state.bindState = BOUND
  if (state.recvBufferSize) setBufferSize(socket, 'receiveBuffer', state.recvBufferSize)
  if (state.sendBufferSize) setBufferSize(socket, 'sendBuffer', state.sendBufferSize)
  socket.emit('listening')
}

function failBind(socket: EventEmitter, error: unknown): void {
  stateOf(socket).bindState = UNBOUND
  socket.emit('error', error)
}
