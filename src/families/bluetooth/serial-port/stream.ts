import { explained, socketClosed } from '../../../core/errors.ts'
import type { SchemeFacts } from '../../../core/facts.ts'
import type { Done } from '../../../core/family.ts'
import type { RawOption } from '../../../core/options.ts'
import { performance, sleep } from '../../../core/timers.ts'
import type { RfcommAddress } from '../address.ts'
import { DriverStream, INBOX_LIMIT } from '../driver/stream.ts'
import type { SerialPort } from './module.ts'
import { unknownSerialPortOption } from './options.ts'
import { writes } from './writes.ts'

/**
 * The driver writes without blocking, and takes a full buffer for a failure, of which it does not tell how much of the write
 * went out before. A write of no more than one RFCOMM frame goes out whole or not at all, so that it can be tried again;
 * this is RFCOMM's default frame size, N1 of TS 07.10, below which hardly a device goes.
 */
const FRAME = 127

/** Milliseconds until a frame that found the buffer full is tried again. */
const RETRY_FIRST = 2
const RETRY_LAST = 50

/** While nothing is read, a lost connection looks like a full buffer; so long may that last. */
const STALL_LIMIT = 30_000

export const serialPortFacts: SchemeFacts = {
  kind: 'stream',
  socket: 'node-bluetooth-serial-port',
  connected: true,
  reliable: true,
  ordered: true,
  boundaries: false,
  halfClose: false,
}

type Reader = (previous: Buffer) => void

/** A port that is connected. */
export class SerialPortStream extends DriverStream<RfcommAddress> {
  readonly engine = 'serial-port'
  readonly facts: SchemeFacts = serialPortFacts
  readonly #port: SerialPort
  readonly #text: string
  readonly #releaseThread: () => void
  /** The driver's own listener, which has it read on. */
  readonly #readOn: Reader | undefined
  /** A read was asked for, and was not answered. The driver asks for the first one itself. */
  #isReading = true
  /** It is under way, in a thread of the pool: the driver begins it in the next tick, or not at all once it is closed. */
  #occupiesThread = false
  #isFlowing = false
  #isLost = false

  /** `text` is the address for errors. `releaseThread` is called once the driver reads no more. */
  constructor(port: SerialPort, remote: RfcommAddress, text: string, releaseThread: () => void) {
    super(remote)
    this.#port = port
    this.#text = text
    this.#releaseThread = releaseThread
    // Without it the driver reads when we say so: a reader that does not read holds up the peer, and occupies no thread.
    this.#readOn = port.listeners('data')[0] as Reader | undefined
    if (this.#readOn !== undefined) port.off('data', this.#readOn)
    port.on('data', (data: Buffer) => this.#received(data))
    port.on('closed', () => this.#lost())
    port.on('failure', () => {
      this.#answered()
      this.#lost()
    })
    process.nextTick(() => this.#begun())
  }

  override resume(): void {
    this.#isFlowing = true
    super.resume()
    this.#read()
  }

  override pause(): void {
    this.#isFlowing = false
    super.pause()
  }

  #received(data: Buffer): void {
    this.#answered()
    if (this.isClosed || this.#isLost) return
    if (data.length === 0) this.#port.close()
    else if (this.inbox.push(data)) this.#read()
    else this.#overflow()
  }

  #read(): void {
    if (this.#isReading || !this.#isFlowing || this.#isLost || this.isClosed) return
    this.#isReading = true
    // All that it looks at is whether the last one was the end.
    this.#readOn?.(Buffer.of(0))
    process.nextTick(() => this.#begun())
  }

  #begun(): void {
    this.#occupiesThread = this.#isReading && !this.#isLost && !this.isClosed
  }

  #answered(): void {
    this.#isReading = false
    this.#occupiesThread = false
    if (this.isClosed || this.#isLost) this.#releaseThread()
  }

  #overflow(): void {
    const why = `${INBOX_LIMIT} bytes wait to be read, and this driver cannot be held up`
    this.inbox.end(explained('ENOBUFS', 'read', this.#text, why))
    this.#port.close()
  }

  /** The peer closed, or the link broke: the driver tells one like the other. Or we closed: it tells that, too. */
  #lost(): void {
    this.#isLost = true
    if (!this.#occupiesThread) this.#releaseThread()
    this.inbox.end()
  }

  protected async send(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(chunks)
    for (let at = 0; at < bytes.length; at += FRAME) await this.#sendFrame(bytes.subarray(at, at + FRAME))
  }

  async #sendFrame(frame: Buffer): Promise<void> {
    const began = performance.now()
    for (let pause = RETRY_FIRST; ; pause = Math.min(pause * 2, RETRY_LAST)) {
      const refused = await this.#offer(frame)
      if (refused === undefined) return
      if (!this.#isReading && performance.now() - began > STALL_LIMIT) {
        throw explained('ETIMEDOUT', 'write', this.#text, `not a byte was taken for ${STALL_LIMIT} ms`, refused)
      }
      await sleep(pause)
    }
  }

  /** Resolves to the driver's refusal where the frame was not taken. */
  async #offer(frame: Buffer): Promise<Error | undefined> {
    const end = await writes.take(undefined)
    try {
      if (this.isClosed) throw socketClosed('write')
      // What is not open calls back as if all were well.
      if (this.#isLost || !this.#port.isOpen()) throw explained('EPIPE', 'write', this.#text, 'the peer is gone')
      return await new Promise<Error | undefined>((resolve) => {
        this.#port.write(frame, (error) => resolve(error ?? undefined))
      })
    } finally {
      end()
    }
  }

  /** There is no half close: what was taken is still delivered, and the connection then over. */
  end(done: Done): void {
    if (this.isClosed) {
      done(socketClosed('end'))
      return
    }
    if (!this.#isLost) this.#port.close()
    done(null)
  }

  protected unknownOption(option: string | RawOption): Error {
    return unknownSerialPortOption(option)
  }

  reset(): void {
    this.close()
  }

  close(): void {
    if (this.isClosed) return
    this.markClosed()
    if (!this.#isLost) this.#port.close()
  }
}
