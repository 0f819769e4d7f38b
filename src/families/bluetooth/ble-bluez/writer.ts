import { socketClosed } from '../../../core/errors.ts'
import type { DatagramHandle, Done } from '../../../core/family.ts'
import type { Acquired } from '../bluez/gatt.ts'

/** Opcode and handle of a write, which the MTU includes; Core specification, volume 3, part F, 3.4.5. */
const WRITE_HEADER = 3

/** The longest value that an attribute has, whatever the MTU; the same, 3.2.9. A longer one is dropped, and nobody is told. */
const LONGEST_VALUE = 512

/** The kernel makes of it the least that it allows: a few values wait for bluetoothd, which has no bound of its own. */
const SEND_BUFFER = 1

/** Bytes out, as values as long as the device takes. */
export class Writer {
  readonly #socket: DatagramHandle
  readonly #room: number
  #rest: Buffer = Buffer.alloc(0)
  #done: Done | undefined

  constructor({ socket, mtu }: Acquired) {
    this.#socket = socket
    this.#room = Math.min(mtu - WRITE_HEADER, LONGEST_VALUE)
    socket.setOption('sendBuffer', SEND_BUFFER)
    socket.start({
      onMessages: () => undefined,
      onWritable: () => this.#send(),
      onEnd: () => undefined,
      onError: (error) => this.#settle(error),
    })
  }

  /** One call at a time. */
  write(chunks: readonly Uint8Array[], done: Done): void {
    this.#done = done
    this.#rest = Buffer.concat(chunks)
    this.#send()
  }

  #send(): void {
    if (this.#done === undefined) return
    try {
      while (this.#rest.length > 0) {
        const data = this.#rest.subarray(0, this.#room)
        if (this.#socket.send([{ data, target: undefined }], 0) === 0) return
        this.#rest = this.#rest.subarray(data.length)
      }
      this.#settle(null)
    } catch (error) {
      this.#settle(error as Error)
    }
  }

  #settle(error: Error | null): void {
    const done = this.#done
    this.#done = undefined
    done?.(error)
  }

  /** What waits here is dropped; what bluetoothd has not read yet stays in the socket. */
  stop(): void {
    this.#settle(socketClosed('write'))
  }
}
