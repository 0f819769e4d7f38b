import { EventEmitter } from 'node:events'
import type { StreamHandle } from '../../src/core/family.ts'
import type { OpenRequest } from '../../src/core/options.ts'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import type { SerialPort, SerialPortModule } from '../../src/families/bluetooth/serial-port/module.ts'
import { connectSerialPort } from '../../src/families/bluetooth/serial-port.ts'

/*
 * node-bluetooth-serial-port as a script. Its JavaScript side is what the package has: the listener of 'data' that reads on,
 * the events of a close. Its native side is the test's: when reads, writes and connects are answered.
 */

export const DEVICE = '00:AA:01:00:00:00'
export const port3: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, channel: 3 }

type ReadDone = (error: Error | undefined, data?: Buffer) => void
type WriteDone = (error?: Error) => void

/** What the native side says for EAGAIN, and for everything else. */
export const unsuccessful = (): Error => new Error('Writing attempt was unsuccessful')

export class ScriptedPort extends EventEmitter implements SerialPort {
  readonly calls: string[] = []
  readonly taken: Buffer[] = []
  #isOpen = false
  #reading: ReadDone | undefined
  onConnect: (connected: () => void, failed: (error?: unknown) => void) => void = (connected) => setImmediate(connected)
  onFind: (found: (channel: number) => void, none: () => void) => void = (found) => setImmediate(() => found(7))
  onWrite: (data: Buffer, done: WriteDone) => void = (data, done) => {
    this.taken.push(Buffer.from(data))
    setImmediate(done)
  }

  connect(address: string, channel: number, onConnected: () => void, onFailed: (error?: unknown) => void): void {
    this.calls.push(`connect ${address} ${channel}`)
    const read = (): void => {
      process.nextTick(() => {
        if (!this.#isOpen) return
        this.#reading = (error, data) => {
          if (error === undefined && data !== undefined) {
            this.emit('data', data)
            return
          }
          this.removeListener('data', dataListener)
          this.close()
          this.emit('failure', error)
        }
      })
    }
    const dataListener = (data: Buffer): void => {
      if (data.length <= 0) this.close()
      else read()
    }
    const connected = (): void => {
      this.#isOpen = true
      this.on('data', dataListener)
      read()
      onConnected()
    }
    this.onConnect(connected, onFailed)
  }

  findSerialPortChannel(_address: string, onFound: (channel: number) => void, onNone: () => void): void {
    this.calls.push('find')
    this.onFind(onFound, onNone)
  }

  write(data: Buffer, done: WriteDone): void {
    if (this.#isOpen) this.onWrite(data, done)
    // As in the package: the error is lost, and it looks like success.
    else done.call(new Error('Not connected') as never)
  }

  close(): void {
    this.calls.push('close')
    const wasOpen = this.#isOpen
    this.#isOpen = false
    this.emit('closed')
    // The read that was under way comes back empty.
    if (wasOpen && this.#reading !== undefined) setImmediate(() => this.answer(Buffer.alloc(0)))
  }

  isOpen(): boolean {
    return this.#isOpen
  }

  /** A thread of the pool waits in a read. */
  get isReading(): boolean {
    return this.#reading !== undefined
  }

  answer(data: Buffer): void {
    const reading = this.#reading
    this.#reading = undefined
    reading?.(undefined, data)
  }

  /** The peer closed: ECONNRESET, of which the driver tells no more than this. */
  breakOff(): void {
    const reading = this.#reading
    this.#reading = undefined
    reading?.(new Error('Error reading from connection'))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.taken)
  }
}

/** A module whose ports are those given, in this order, then the last one again and again. */
export function moduleOf(...ports: ScriptedPort[]): SerialPortModule {
  const next = [...ports]
  const last = next.at(-1)
  return {
    BluetoothSerialPort: class {
      constructor() {
        const port = next.shift() ?? last
        if (port === undefined) throw new Error('no more ports')
        // biome-ignore lint/correctness/noConstructorReturn: the module's class makes the ports that the test looks at
        return port
      }
    } as unknown as SerialPortModule['BluetoothSerialPort'],
  }
}

export type Asked = Partial<OpenRequest<RfcommAddress>> & { readonly address?: RfcommAddress }

export function connect(port: ScriptedPort, asked: Asked = {}): Promise<StreamHandle<RfcommAddress>> {
  const { address = port3, options = {}, ...rest } = asked
  const request = { signal: undefined, engine: undefined, local: undefined, ...rest }
  return connectSerialPort(address, {
    ...request,
    options: { driver: 'serial-port', serialPort: moduleOf(port), ...options },
  })
}

/** What came out of a handle. */
export class Heard {
  readonly chunks: Buffer[] = []
  ends = 0
  readonly errors: Error[] = []
  readonly handle: StreamHandle<RfcommAddress>

  constructor(handle: StreamHandle<RfcommAddress>) {
    this.handle = handle
    handle.start({
      onData: (chunk) => this.chunks.push(chunk),
      onEnd: () => this.ends++,
      onError: (error) => this.errors.push(error),
    })
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  /** Resolves to the error that the write was given back with. */
  write(...chunks: Uint8Array[]): Promise<Error | null> {
    return new Promise((resolve) => this.handle.write(chunks, resolve))
  }

  end(): Promise<Error | null> {
    return new Promise((resolve) => this.handle.end(resolve))
  }
}

/** Resolves after everything that needs no timer. */
export async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
