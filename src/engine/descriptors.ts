import { explained, type SocketError, systemError } from '../core/errors.ts'
import type { HeldDescriptors } from '../core/family.ts'
import { type Addon, MAX_FDS } from './addon.ts'
import { type ControlPart, encodeControl } from './control.ts'
import { EBADF } from './errno.ts'
import { decodeInt, SOL_SOCKET } from './kernel-options.ts'

/** recvmsg(2): part of the ancillary data, or a descriptor, was lost. */
export const MSG_CTRUNC = 8
/** The part of a message that carries descriptors: unix(7). */
const SCM_RIGHTS = 1

/**
 * Reads that take the descriptors which came with the bytes. One serves every socket of the thread: what it holds is what
 * the last read brought.
 */
export class DescriptorIntake {
  readonly #fds = new Int32Array(MAX_FDS)
  readonly #meta = new Int32Array(2)

  /** Like `Addon.recv`, into all of the block. */
  recv(addon: Addon, fd: number, block: Buffer): number {
    this.#meta.fill(0)
    return addon.recvfds(fd, block, 0, block.length, this.#fds, this.#meta)
  }

  /** What came, the caller's from now on. */
  take(addon: Addon): OwnedDescriptors | undefined {
    const count = this.#meta[0] as number
    return count === 0 ? undefined : new OwnedDescriptors(addon, [...this.#fds.subarray(0, count)])
  }

  /** The system could not hand over all of them. */
  get lost(): boolean {
    return ((this.#meta[1] as number) & MSG_CTRUNC) !== 0
  }
}

/**
 * For descriptors that came with data and were lost. There is room for as many as a message can carry, so what was lacking
 * is descriptors of this process; a security module that refuses one cannot be told apart.
 */
export function descriptorsLost(syscall: string): SocketError {
  const why = 'descriptors that came with the data were lost (MSG_CTRUNC), as this process has too many open'
  return explained('EMFILE', syscall, undefined, why)
}

export function isRights({ level, type }: ControlPart): boolean {
  return level === SOL_SOCKET && type === SCM_RIGHTS
}

export function decodeFds({ data }: ControlPart): number[] {
  return Array.from({ length: Math.floor(data.length / 4) }, (_, index) => decodeInt(data, 4 * index))
}

export function rightsOf(fds: readonly number[]): ControlPart {
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(Int32Array.from(fds).buffer) }
}

/** The ancillary data of a message that carries nothing but descriptors. */
export function encodeRights(fds: readonly number[]): Uint8Array {
  return encodeControl([rightsOf(fds)])
}

/** Descriptors that the addon owns for us and that no watch has: duplicates to be sent, and what came with data. */
export class OwnedDescriptors implements HeldDescriptors {
  static readonly #forgotten = new FinalizationRegistry<[addon: Addon, fds: readonly number[]]>(([addon, fds]) => {
    for (const fd of fds) addon.close(fd)
  })
  readonly #addon: Addon
  #fds: readonly number[]

  constructor(addon: Addon, fds: readonly number[]) {
    this.#addon = addon
    this.#fds = fds
    OwnedDescriptors.#forgotten.register(this, [addon, fds], this)
  }

  get fds(): readonly number[] {
    return this.#fds
  }

  take(): number[] {
    const fds = this.#letGo()
    for (const fd of fds) this.#addon.release(fd)
    return [...fds]
  }

  split(): OwnedDescriptors[] {
    return this.#letGo().map((fd) => new OwnedDescriptors(this.#addon, [fd]))
  }

  give<T>(use: (fd: number) => T): T {
    const [fd = -1, ...others] = this.take()
    for (const other of others) closeForeign(this.#addon, other)
    try {
      return use(fd)
    } catch (error) {
      closeForeign(this.#addon, fd)
      throw error
    }
  }

  close(): void {
    for (const fd of this.#letGo()) this.#addon.close(fd)
  }

  #letGo(): readonly number[] {
    const fds = this.#fds
    this.#fds = []
    OwnedDescriptors.#forgotten.unregister(this)
    return fds
  }
}

/**
 * Closes a descriptor that nobody owns any more. `closeSync` throws what close(2) says, which is for the sender of a file to
 * choose, and warns in a worker.
 */
export function closeForeign(addon: Addon, fd: number): void {
  if (addon.own(fd) === 0) addon.close(fd)
}

/** Duplicates of descriptors, to be sent; none when one of them cannot be had. */
export function holdDescriptors(addon: Addon, fds: readonly number[]): OwnedDescriptors {
  if (fds.length > MAX_FDS) {
    const why = `one message carries at most ${MAX_FDS} descriptors, not ${fds.length}`
    throw explained('EINVAL', 'write', undefined, why)
  }
  const held: number[] = []
  for (const fd of fds) {
    // A number that was not open may be the one that an earlier copy has got by now.
    const copy = held.includes(fd) ? EBADF : addon.duplicate(fd)
    if (copy < 0) {
      for (const each of held) addon.close(each)
      throw systemError(copy, 'dup')
    }
    held.push(copy)
  }
  return new OwnedDescriptors(addon, held)
}
