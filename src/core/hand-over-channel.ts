import { wrongType } from './argument-errors.ts'
import { explained, namedSystemError, type SocketError, socketClosed } from './errors.ts'
import type { HeldDescriptors } from './family.ts'
import { StreamEndpoint } from './stream.ts'

/**
 * What a frame says. The taker asks; the giver offers the socket and the token, which come with the frame; the taker has
 * taken the token; the giver has read that, and leaves.
 */
export const ASK = 1
export const OFFER = 2
export const TAKEN = 3
export const LEFT = 4

/**
 * A frame is version, kind, and the length of its text in two bytes, most significant first; then the text. Version 1 had
 * no token.
 */
const VERSION = 2
const HEADER = 4
/** A path of Linux's longest, 4,096 bytes, fits in base64. */
const LONGEST_TEXT = 8192

/** Errors of a stream whose other end is closed. */
const GONE: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE'])

const EVENTS = ['readable', 'end', 'close'] as const

/** Frames over a stream that the two processes have between them, and the descriptors that come with them. */
export class HandOverChannel {
  readonly syscall: string
  readonly #endpoint: StreamEndpoint
  #held: HeldDescriptors[] = []
  #changed: () => void = () => undefined

  /** Reads from now on; an error of the stream is an error of the read or write that it spoils. */
  constructor(endpoint: StreamEndpoint, syscall: string) {
    if (!(endpoint instanceof StreamEndpoint)) throw wrongType('the endpoint must be a StreamEndpoint')
    this.syscall = syscall
    this.#endpoint = endpoint
    endpoint.on('error', ignore)
    for (const event of EVENTS) endpoint.on(event, this.#onChange)
  }

  readonly #onChange = (): void => this.#changed()

  /** Keeps the descriptors that come from now on; before, the system closes them. */
  wantFds(): void {
    this.#endpoint.keepFds((held) => this.#held.push(held))
  }

  /** The descriptors that came, one holder each, for the caller to take or close. */
  takeFds(): HeldDescriptors[] {
    return this.#held.splice(0).flatMap((held) => held.split())
  }

  write(kind: number, text = '', fds?: readonly number[]): Promise<void> {
    const length = Buffer.byteLength(text)
    const frame = Buffer.alloc(HEADER + length)
    frame.writeUInt8(VERSION, 0)
    frame.writeUInt8(kind, 1)
    frame.writeUInt16BE(length, 2)
    frame.write(text, HEADER)
    return new Promise((resolve, reject) => {
      const done = (error: Error | null | undefined): void => (error ? reject(error) : resolve())
      if (fds === undefined) this.#endpoint.write(frame, done)
      else this.#endpoint.writeWithFds(frame, fds, done)
    })
  }

  /** The text of the next frame, which must be of this kind. */
  async read(kind: number): Promise<string> {
    const header = await this.#bytes(HEADER)
    const version = header.readUInt8(0)
    const length = header.readUInt16BE(2)
    if (version !== VERSION) throw this.violation(`the other process speaks version ${version}, and not ${VERSION}`)
    if (header.readUInt8(1) !== kind) throw this.violation(`a frame of kind ${header.readUInt8(1)} and not ${kind}`)
    if (length > LONGEST_TEXT) throw this.violation(`a text of ${length} bytes, and not at most ${LONGEST_TEXT}`)
    return length === 0 ? '' : (await this.#bytes(length)).toString()
  }

  async #bytes(size: number): Promise<Buffer> {
    for (;;) {
      const bytes: Buffer | null = this.#endpoint.read(size)
      if (bytes?.length === size) return bytes
      if (this.#endpoint.readableEnded || this.#endpoint.destroyed) throw this.#gone()
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  violation(why: string): SocketError {
    return explained('EPROTO', this.syscall, undefined, why)
  }

  #gone(): Error {
    const { errored, readableEnded } = this.#endpoint
    if (errored !== null) return errored
    return readableEnded ? this.reset() : socketClosed(this.syscall)
  }

  get isDestroyed(): boolean {
    return this.#endpoint.destroyed
  }

  /** Whether the other process has closed its end. */
  get isPeerGone(): boolean {
    const { errored, readableEnded } = this.#endpoint
    return readableEnded || GONE.has((errored as NodeJS.ErrnoException | null)?.code)
  }

  /** The error for another process that is gone, or gave up. */
  reset(): SocketError {
    return namedSystemError('ECONNRESET', this.syscall)
  }

  /** Gives the stream back as it was. */
  release(): void {
    this.#endpoint.off('error', ignore)
    this.#leave()
  }

  /**
   * Half an exchange leaves a stream that is of no use to anybody; what waits in it fails. Its error is nobody's news.
   */
  destroy(): void {
    this.#leave()
    this.#endpoint.destroy()
    this.#changed()
  }

  #leave(): void {
    for (const event of EVENTS) this.#endpoint.off(event, this.#onChange)
    this.#endpoint.keepFds(undefined)
  }
}

const ignore = (): void => undefined
