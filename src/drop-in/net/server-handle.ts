import type { AddressBase } from '../../core/address.ts'
import { SocketError } from '../../core/errors.ts'
import type { ListenerHandle } from '../../core/family.ts'
import { inClosingPhase } from '../../engine/closing-phase.ts'
import { failure } from '../errors/failure.ts'
import { nameOf, type SocketName, type Wording } from './addresses.ts'
import type { ListeningHandle, OnConnection, OnDrop } from './foreign-listener.ts'
import { SocketHandle } from './socket-handle.ts'

/** A listener of the engine's. */
export class ServerHandle implements ListeningHandle {
  onconnection: OnConnection | null = null
  ondrop?: OnDrop
  readonly getsockname?: (name: SocketName) => number
  readonly #listener: ListenerHandle<AddressBase>

  constructor(wording: Wording, listener: ListenerHandle<AddressBase>) {
    this.#listener = listener
    if (wording !== 'pipe') this.getsockname = (name) => this.#describe(wording, name)
    listener.start({
      onAccept: (handle) => {
        if (handle.type === 'stream') this.onconnection?.(0, new SocketHandle(wording, handle))
        else handle.close()
      },
      onDrop: (_error, remote) => this.ondrop?.(nameOf(wording, listener.local), nameOf(wording, remote)),
      onError: (error, fatal) => {
        // Without a free descriptor the engine tries again by itself.
        if (fatal) this.onconnection?.(errnoOf(error), this)
      },
    })
    listener.resume()
  }

  #describe(wording: Wording, name: SocketName): number {
    Object.assign(name, nameOf(wording, this.#listener.local))
    return 0
  }

  get fd(): number {
    return this.#listener.fd ?? -1
  }

  ref(): void {
    this.#listener.ref()
  }

  unref(): void {
    this.#listener.unref()
  }

  close(onClosed?: () => void): void {
    this.#listener.close()
    if (onClosed !== undefined) inClosingPhase(onClosed)
  }
}

function errnoOf(error: Error): number {
  return error instanceof SocketError && error.errno !== undefined ? error.errno : failure('EIO').errno
}
