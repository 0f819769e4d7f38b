import { Duplex } from 'node:stream'
import { socketClosed } from './errors.ts'
import type { NodeAddress } from './family.ts'

/**
 * What `net.Socket` has and a stream endpoint has for its sake alone: so that what was written for the one takes the
 * other. Each member is as Node documents it; where a family has no such thing it does nothing, or is `undefined`.
 */
export abstract class SocketSurface extends Duplex {
  /** Of no meaning here: the addresses that were tried are not told. */
  get autoSelectFamilyAttemptedAddresses(): string[] {
    return []
  }

  abstract readonly connecting: boolean

  /** An address in the words of `net.Socket`, where it has one in them. */
  protected abstract nodeAddress(end: 'local' | 'remote'): NodeAddress | undefined

  /** Sets an option, as soon as there is a connection, where the family has it. */
  protected abstract setWhereKnown(option: string, value: unknown): this

  /**
   * For a library that connects the socket it was handed, as pg does: an endpoint has had its peer since it was made, so
   * that nothing is connected, whatever the arguments say, and 'connect' comes, again where the endpoint is open already.
   * Throws `ERR_SOCKET_CLOSED` for one that is destroyed.
   */
  connect(..._ignored: readonly unknown[]): this {
    if (this.destroyed) throw socketClosed('connect')
    if (!this.connecting) process.nextTick(() => !this.destroyed && this.emit('connect'))
    return this
  }

  /** TCP_NODELAY; does nothing on families without it. */
  setNoDelay(noDelay = true): this {
    return this.setWhereKnown('noDelay', noDelay)
  }

  /** SO_KEEPALIVE; does nothing on families without it. `initialDelay` in milliseconds, 0 for the system's. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this.setWhereKnown('keepAlive', enable)
    return initialDelay >= 1000 ? this.setWhereKnown('keepAliveDelay', initialDelay) : this
  }

  /** Bytes that wait to be sent: `writableLength`. */
  get bufferSize(): number {
    return this.writableLength
  }

  /** Our own address in the words of `net.Socket`; `{}` where it has none in them. */
  address(): NodeAddress | Record<string, never> {
    return this.nodeAddress('local') ?? {}
  }

  get remoteAddress(): string | undefined {
    return this.nodeAddress('remote')?.address
  }

  get remotePort(): number | undefined {
    return this.nodeAddress('remote')?.port
  }

  get remoteFamily(): string | undefined {
    return this.nodeAddress('remote')?.family
  }

  get localAddress(): string | undefined {
    return this.nodeAddress('local')?.address
  }

  get localPort(): number | undefined {
    return this.nodeAddress('local')?.port
  }

  get localFamily(): string | undefined {
    return this.nodeAddress('local')?.family
  }
}
