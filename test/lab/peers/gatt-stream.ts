import { socketClosed } from '../../../src/core/errors.ts'
import type { SchemeFacts } from '../../../src/core/facts.ts'
import type { DatagramHandle, Done, StreamEvents, StreamHandle } from '../../../src/core/family.ts'
import type { BleAddress } from '../../../src/families/bluetooth/address.ts'
import { unknownBleOption } from '../../../src/families/bluetooth/ble/options.ts'
import { bleFacts } from '../../../src/families/bluetooth/ble.ts'
import { Inbox } from '../../../src/families/bluetooth/driver/inbox.ts'
import { attributesOf, RX, TX, TX_CONFIGURATION } from './gatt-database.ts'
import { GattServer } from './gatt-server.ts'

/** More than the writes that a central leaves unconfirmed. */
const INBOX_LIMIT = 65_536

/** The device's end of a stream over GATT, on a kernel socket of the ATT channel. */
export class GattStream implements StreamHandle<BleAddress> {
  readonly type = 'stream'
  readonly engine = 'kernel'
  readonly facts: SchemeFacts = bleFacts
  readonly local: BleAddress
  readonly remote = undefined
  readonly #socket: DatagramHandle
  readonly #server: GattServer
  readonly #inbox = new Inbox(INBOX_LIMIT)
  readonly #onSubscribed: () => void
  readonly #onGone: () => void
  /** What the socket had no room for. */
  readonly #outgoing: Buffer[] = []
  /** What is still to be indicated, and who waits for it. */
  #rest: Buffer = Buffer.alloc(0)
  #writing: Done | undefined
  #isClosed = false
  #isGone = false

  /** `onSubscribed` is called once the central wants to hear us, `onGone` once the connection is over. */
  constructor(socket: DatagramHandle, address: BleAddress, onSubscribed: () => void, onGone: () => void) {
    this.#socket = socket
    this.local = address
    this.#onSubscribed = onSubscribed
    this.#onGone = onGone
    this.#server = new GattServer(attributesOf(address), {
      onWrite: (handle, value) => this.#taken(handle, value),
      onConfirmed: () => this.#indicate(),
    })
    socket.start({
      onMessages: (batch) => {
        for (const { data } of batch) this.#received(data)
      },
      onWritable: () => this.#flush(),
      onEnd: () => this.#over(),
      onError: () => this.#over(),
    })
    socket.resume()
  }

  get fd(): number | undefined {
    return this.#socket.fd
  }

  #received(packet: Buffer): void {
    if (this.#isClosed) return
    const answer = this.#server.answer(packet)
    if (answer !== undefined) this.#send(answer)
  }

  #taken(handle: number, value: Buffer): void {
    if (handle === RX) this.#inbox.push(Buffer.from(value))
    else if (handle === TX_CONFIGURATION && (value[0] ?? 0) !== 0) this.#onSubscribed()
  }

  start(events: StreamEvents): void {
    this.#inbox.start(events)
    this.pause()
  }

  /** Requests are left unanswered meanwhile, which is what holds up the central. */
  pause(): void {
    this.#inbox.pause()
    this.#socket.pause()
  }

  resume(): void {
    this.#inbox.resume()
    if (!this.#isClosed) this.#socket.resume()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#isClosed || this.#isGone) {
      done(socketClosed('write'))
      return
    }
    this.#rest = Buffer.concat(chunks)
    this.#writing = done
    this.#indicate()
  }

  /** The next piece, once the last one was confirmed. */
  #indicate(): void {
    if (this.#rest.length === 0) {
      this.#written(null)
      return
    }
    const piece = this.#rest.subarray(0, this.#server.room)
    this.#rest = this.#rest.subarray(piece.length)
    this.#send(this.#server.indication(TX, piece))
  }

  #written(error: Error | null): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  #send(data: Buffer): void {
    this.#outgoing.push(data)
    this.#flush()
  }

  #flush(): void {
    try {
      while (this.#outgoing.length > 0 && !this.#isClosed) {
        const messages = this.#outgoing.map((data) => ({ data, target: undefined }))
        const taken = this.#socket.send(messages, 0)
        if (taken === 0) return
        this.#outgoing.splice(0, taken)
      }
    } catch {
      this.#over()
    }
  }

  /** The link is gone. */
  #over(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#written(socketClosed('write'))
    this.#inbox.end()
    this.#onGone()
  }

  end(done: Done): void {
    this.#socket.close()
    done(null)
    this.#over()
  }

  getOption(option: unknown): never {
    throw unknownBleOption(option)
  }

  setOption(option: unknown): never {
    throw unknownBleOption(option)
  }

  ref(): void {
    this.#socket.ref()
  }

  unref(): void {
    this.#socket.unref()
  }

  reset(): void {
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#inbox.close()
    this.#socket.close()
    this.#over()
  }
}
