import type { AddressBase } from '../core/address.ts'
import { socketClosed, systemError } from '../core/errors.ts'
import type { DescriptorPassing, Done, HeldDescriptors, StreamEvents, StreamHandle } from '../core/family.ts'
import { FAILED, READABLE, WRITABLE } from './addon.ts'
import { DescriptorIntake, descriptorsLost, encodeRights, holdDescriptors } from './descriptors.ts'
import { EAGAIN, ECONNRESET, EINTR } from './errno.ts'
import { interest, KernelSocket } from './kernel.ts'
import { lingerSeconds, SO_LINGER, SOL_SOCKET } from './kernel-options.ts'
import { blockFor, ReadArea, SMALLEST_BLOCK } from './read-area.ts'

/** The most that one recv(2) takes: more costs memory per slow reader and gains nothing. */
const LARGEST_READ = 262_144

const area = new ReadArea()
const intake = new DescriptorIntake()
const nothing: readonly Uint8Array[] = []

/** Chunks of up to so many bytes are copied together: the system looks at one piece of memory faster than at many. */
const PACK_UP_TO = 2048
/** One for all sockets of a thread: what the system does not take at once is packed again. */
const packed = new Uint8Array(65_536)
/** A stream sends to its peer. */
const toPeer = new Uint8Array(0)

/** A connected byte stream of the kernel's: partial writes, EAGAIN and half close live here. */
export class KernelStream<A extends AddressBase> extends KernelSocket<A> implements StreamHandle<A> {
  readonly type = 'stream'
  #events: StreamEvents | undefined
  #reading = false
  /** Bytes that the next read takes at most. */
  #room = SMALLEST_BLOCK
  #ended = false
  /** The ECONNRESET that ends this kind of stream has been reported already, to connect. */
  #resetTaken = false
  #chunks: readonly Uint8Array[] = nothing
  #first = 0
  #offset = 0
  #done: Done | undefined
  /** To be sent with the next byte. */
  #held: HeldDescriptors | undefined

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
    try {
      if ((events & WRITABLE) !== 0) {
        if (this.#done !== undefined) this.#write()
        // Interest in writing is dropped late: as long as the writer keeps the socket full it stays, and costs nothing.
        else if ((events & FAILED) === 0) this.wait(interest(this.#reading, false))
      }
      if ((events & READABLE) !== 0 && this.#reading) this.#read()
    } finally {
      // After an error condition the watch has stopped. What is still wanted is waited for again, also where a listener throws.
      if ((events & FAILED) !== 0 && this.isOpen) this.wait(interest(this.#reading, this.#done !== undefined))
    }
  }

  #read(): void {
    const room = this.#room
    const block = area.block(this.addon, room)
    const takesFds = this.carriesFds && this.#events?.wantsFds?.() === true
    const count = takesFds
      ? intake.recv(this.addon, this.descriptor, block)
      : this.addon.recv(this.descriptor, block, 0, room)
    if (count > 0) {
      const chunk = area.take(this.addon, room, count)
      // Mostly there comes as much again.
      this.#room = Math.min(count === room ? 2 * room : blockFor(count), LARGEST_READ)
      if (takesFds && !this.#deliverFds()) return
      this.#events?.onData(chunk)
    } else if (count === 0 || this.#isEnd(count)) {
      this.#stopReading()
      this.#events?.onEnd()
    } else if (count !== EAGAIN && count !== EINTR) {
      this.#fail(systemError(count, 'read'))
    }
  }

  /** Hands over what came with the last read; false when the stream is of no use any more. */
  #deliverFds(): boolean {
    if (intake.lost) {
      this.#fail(descriptorsLost('read'))
      return false
    }
    const held = intake.take(this.addon)
    if (held !== undefined) this.#events?.onFds?.(held)
    return this.isOpen
  }

  /** Where the end comes as ECONNRESET, it comes so once; after that there is nothing, and no more to wait for. */
  #isEnd(errno: number): boolean {
    return this.kind.endsWithReset && (errno === ECONNRESET || (errno === EAGAIN && this.#resetTaken))
  }

  /**
   * The peer may have sent and closed before we were told of the connection: the reset is its end then. A recv of no bytes
   * tells: it is EAGAIN where nothing came.
   */
  protected override wasConnected(errno: number): boolean {
    if (!this.kind.endsWithReset || errno !== ECONNRESET) return false
    this.#resetTaken = true
    return this.addon.recv(this.descriptor, toPeer, 0, 0) === 0
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
    this.#begin(chunks, undefined, done)
  }

  get passing(): DescriptorPassing | undefined {
    if (!this.carriesFds) return undefined
    return {
      hold: (fds) => holdDescriptors(this.addon, fds),
      write: (chunk, held, done) => this.#begin([chunk], held, done),
    }
  }

  get unsent(): number {
    let bytes = -this.#offset
    for (let index = this.#first; index < this.#chunks.length; index++) bytes += this.#chunks[index]?.length ?? 0
    return Math.max(0, bytes)
  }

  #begin(chunks: readonly Uint8Array[], held: HeldDescriptors | undefined, done: Done): void {
    if (!this.isOpen) {
      held?.close()
      done(socketClosed('write'))
      return
    }
    this.#held = held
    this.#chunks = chunks
    this.#first = 0
    this.#offset = 0
    this.#done = done
    this.#write()
  }

  #write(): void {
    for (;;) {
      const count = this.#held === undefined ? this.#sendSome() : this.#sendHeld(this.#held)
      if (count === EINTR) continue
      if (count === EAGAIN) {
        this.wait(this.waitingFor | WRITABLE)
        return
      }
      if (count < 0) {
        this.#settle(systemError(count, 'write'))
        return
      }
      this.#dropHeld()
      this.#advance(count)
      if (this.#first === this.#chunks.length) {
        this.#settle(null)
        return
      }
    }
  }

  #sendHeld(held: HeldDescriptors): number {
    return this.addon.sendmsg(this.descriptor, this.#chunks[0] as Uint8Array, toPeer, encodeRights(held.fds))
  }

  #sendSome(): number {
    const first = this.#chunks[this.#first] as Uint8Array
    if (this.#first === this.#chunks.length - 1)
      return this.addon.send(this.descriptor, first, this.#offset, first.length - this.#offset)
    const bytes = this.#pack()
    if (bytes > 0) return this.addon.send(this.descriptor, packed, 0, bytes)
    return this.addon.sendv(this.descriptor, this.#chunks, this.#first, this.#offset)
  }

  /** Copies small chunks together, as many as fit; returns their bytes. With a large one among them it is not worth it: 0. */
  #pack(): number {
    let bytes = 0
    for (let index = this.#first; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] as Uint8Array
      if (chunk.length > PACK_UP_TO) return 0
      if (bytes + chunk.length > packed.length) break
      packed.set(chunk, bytes)
      bytes += chunk.length
    }
    // The first one may have gone in part.
    if (bytes > 0 && this.#offset > 0) packed.copyWithin(0, this.#offset, bytes)
    return Math.max(0, bytes - this.#offset)
  }

  #dropHeld(): void {
    this.#held?.close()
    this.#held = undefined
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
    this.#dropHeld()
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
    this.addon.setsockopt(this.descriptor, SOL_SOCKET, SO_LINGER, lingerSeconds.encode(0, 'linger'))
    this.close()
  }

  protected onClose(): void {
    this.#events = undefined
    this.#dropHeld()
    if (this.#done !== undefined) this.#settle(socketClosed('write'))
  }
}
