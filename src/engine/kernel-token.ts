import { systemError } from '../core/errors.ts'
import type { Token } from '../core/family.ts'
import type { Addon } from './addon.ts'
import { OwnedDescriptors } from './descriptors.ts'
import { AF_UNIX } from './kernel.ts'
import { SOCK_STREAM } from './kernel-options.ts'

/**
 * The one byte that waits in a socket whose other end is closed. Both processes have the socket; the kernel gives the byte
 * to the first that reads, and the end of the stream to the other one. A process that dies takes nothing with it.
 */
export class KernelToken implements Token {
  readonly #addon: Addon
  readonly #held: OwnedDescriptors
  #isOurs: boolean | undefined

  private constructor(addon: Addon, fd: number) {
    this.#addon = addon
    this.#held = new OwnedDescriptors(addon, [fd])
  }

  static make(addon: Addon): KernelToken {
    const ends = new Int32Array(2)
    const result = addon.socketpair(AF_UNIX, SOCK_STREAM, 0, ends)
    if (result < 0) throw systemError(result, 'socketpair')
    const [kept, filled] = ends as unknown as [number, number]
    const sent = addon.send(filled, new Uint8Array(1), 0, 1)
    addon.close(filled)
    if (sent === 1) return new KernelToken(addon, kept)
    addon.close(kept)
    throw systemError(sent, 'send')
  }

  /** The token that another process made; the descriptor has to be of a kind that addon.adopt takes. */
  static of(addon: Addon, fd: number): KernelToken {
    const result = addon.adopt(fd)
    if (result < 0) throw systemError(result, 'fcntl')
    return new KernelToken(addon, fd)
  }

  /** -1 after close. */
  get fd(): number {
    return this.#held.fds[0] ?? -1
  }

  take(): boolean {
    this.#isOurs ??= this.#addon.recv(this.fd, new Uint8Array(1), 0, 1) === 1
    return this.#isOurs
  }

  close(): void {
    this.#held.close()
  }
}
