import type { AddressBase } from '../core/address.ts'
import { socketClosed, systemError } from '../core/errors.ts'
import type { Done, StreamEvents, StreamHandle } from '../core/family.ts'
import { FAILED, READABLE, WRITABLE } from './addon.ts'
import { EAGAIN, EINTR } from './errno.ts'
import { interest, KernelSocket } from './kernel.ts'
import { lingerSeconds, SO_LINGER, SOL_SOCKET } from './kernel-options.ts'
import { Slab } from './slab.ts'

/** The most that one recv(2) takes: more costs memory per slow reader and gains nothing. */
const READ_SIZE = 262_144
/** Less room than this in the slab is not worth a recv(2). */
const WORTH_READING = 65_536
/** Up to here a read is copied out, so that a small chunk that is kept does not keep a slab. */
const COPY_UP_TO = 4096

const slab = new Slab(4 * READ_SIZE)
const nothing: readonly Uint8Array[] = []

/** A connected byte stream of the kernel's: partial writes, EAGAIN and half close live here. */
export class KernelStream<A extends AddressBase> extends KernelSocket<A> implements StreamHandle<A> {
  readonly type = 'stream'
  #events: StreamEvents | undefined
  #reading = false
  #ended = false
  #chunks: readonly Uint8Array[] = nothing
  #first = 0
  #offset = 0
  #done: Done | undefined

  start(events: StreamEvents): void {
    this.#events = events
  }

  resume(): void {
    if (this.#reading || this.#ended) return
    this.#reading = true
    this.wait(this.waitingFor | READABLE)
  }

  pause(): void {
    this.#reading = false
    this.wait(interest(false, this.#done !== undefined))
  }

  protected onReady(events: number): void {
    if ((events & WRITABLE) !== 0) {
      if (this.#done !== undefined) this.#write()
      // Interest in writing is dropped late: as long as the writer keeps the socket full it stays, and costs nothing.
      else if ((events & FAILED) === 0) this.wait(interest(this.#reading, false))
    }
    if ((events & READABLE) !== 0 && this.#reading) this.#read()
    // After an error condition the watch has stopped; what is still wanted is waited for again.
    if ((events & FAILED) !== 0 && this.isOpen) this.wait(interest(this.#reading, this.#done !== undefined))
  }

  #read(): void {
    slab.reserve(WORTH_READING)
    const room = Math.min(slab.free, READ_SIZE)
    const count = this.addon.recv(this.descriptor, slab.block, slab.offset, room)
    if (count > 0) {
      this.#events?.onData(count <= COPY_UP_TO ? slab.copy(count) : slab.take(count))
    } else if (count === 0) {
      this.#stopReading()
      this.#events?.onEnd()
    } else if (count !== EAGAIN && count !== EINTR) {
      this.#fail(systemError(count, 'read'))
    }
  }

  #stopReading(): void {
    this.#ended = true
    this.pause()
  }

  #fail(error: Error): void {
    this.#stopReading()
    this.#events?.onError(error)
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (!this.isOpen) {
      done(socketClosed('write'))
      return
    }
    this.#chunks = chunks
    this.#first = 0
    this.#offset = 0
    this.#done = done
    this.#write()
  }

  #write(): void {
    for (;;) {
      const count = this.addon.sendv(this.descriptor, this.#chunks, this.#first, this.#offset)
      if (count === EINTR) continue
      if (count === EAGAIN) {
        this.wait(this.waitingFor | WRITABLE)
        return
      }
      if (count < 0) {
        this.#settle(systemError(count, 'write'))
        return
      }
      this.#advance(count)
      if (this.#first === this.#chunks.length) {
        this.#settle(null)
        return
      }
    }
  }

  /** Moves on by what the kernel took; empty chunks are done as soon as they are reached. */
  #advance(count: number): void {
    let left = count
    for (; this.#first < this.#chunks.length; this.#first++) {
      const rest = (this.#chunks[this.#first] as Uint8Array).length - this.#offset
      if (left < rest) {
        this.#offset += left
        return
      }
      left -= rest
      this.#offset = 0
    }
  }

  #settle(error: Error | null): void {
    const done = this.#done
    this.#done = undefined
    this.#chunks = nothing
    done?.(error)
  }

  end(done: Done): void {
    this.shutdownWrites(done)
  }

  /** With SO_LINGER of no time, close(2) sends a TCP RST; Unix sockets know no such thing, and just close. */
  reset(): void {
    this.addon.setsockopt(this.descriptor, SOL_SOCKET, SO_LINGER, lingerSeconds.encode(0))
    this.close()
  }

  protected onClose(): void {
    this.#events = undefined
    this.#settle(socketClosed('write'))
  }
}
