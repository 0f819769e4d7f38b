import { EventEmitter } from 'node:events'
import type { AddressFamily, StreamHandle } from '../../src/core/family.ts'
import type { OpenRequest } from '../../src/core/options.ts'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import type {
  Noble,
  NobleCharacteristic,
  NoblePeripheral,
  NobleService,
} from '../../src/families/bluetooth/ble/noble.ts'
import { bleFacts, connectBle, formatBle, parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'

/*
 * noble as a script, for what no real device can be brought to do at will. It behaves as @abandonware/noble does on
 * Linux, promises that never settle included; a test replaces the part that it is about.
 */

export const DEVICE = '00:AA:01:00:00:00'
export const nus: BleAddress = parseBle('ble', `//${DEVICE}/nus`)

const CONNECTION_TIMEOUT = 0x08
const REMOTE_TERMINATED = 0x13
const LOCAL_TERMINATED = 0x16
export const FAILED_TO_ESTABLISH = 0x3e

/** As noble writes it. */
export const failedToEstablish = (): Error => new Error('Connection Failed to be Established (0x3e)')

/** Resolves after everything that needs no timer. */
export async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

export function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}

export class ScriptedCharacteristic extends EventEmitter implements NobleCharacteristic {
  readonly uuid: string
  properties: string[]
  /** What was written, and whether without response. */
  readonly written: { data: Buffer; withoutResponse: boolean }[] = []
  /** How often it was asked for a sign of life. */
  asked = 0
  onSubscribe: () => Promise<unknown> = async () => undefined
  onWrite: (data: Buffer) => Promise<unknown> = async () => undefined
  onAsk: () => Promise<unknown> = async () => []

  constructor(uuid: string, properties: string[]) {
    super()
    this.uuid = uuid.replaceAll('-', '')
    this.properties = properties
  }

  subscribeAsync(): Promise<unknown> {
    return this.onSubscribe()
  }

  writeAsync(data: Buffer, withoutResponse: boolean): Promise<unknown> {
    this.written.push({ data: Buffer.from(data), withoutResponse })
    return this.onWrite(data)
  }

  discoverDescriptorsAsync(): Promise<unknown> {
    this.asked++
    return this.onAsk()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written.map(({ data }) => data))
  }
}

export class ScriptedPeripheral extends EventEmitter implements NoblePeripheral {
  readonly id: string
  readonly address: string
  state = 'disconnected'
  mtu: number | null = null
  advertises = true
  /** Calls that were made, in order. */
  readonly calls: string[] = []
  readonly write: ScriptedCharacteristic = new ScriptedCharacteristic(nus.write, ['write', 'writeWithoutResponse'])
  readonly notify: ScriptedCharacteristic = new ScriptedCharacteristic(nus.notify, ['notify'])
  services: NobleService[]
  onConnect: () => void = () => setImmediate(() => this.connected())
  /** What comes after noble's own word that it was cancelled. */
  onCancel: () => void = () => setImmediate(() => this.failed(new Error('Unknown Connection Identifier (0x2)')))
  onDisconnect: () => void = () => setImmediate(() => this.gone(LOCAL_TERMINATED))
  onServices: () => Promise<NobleService[]> = async () => this.services
  onCharacteristics: () => Promise<NobleCharacteristic[]> = async () => [this.write, this.notify]

  constructor(address: string = DEVICE) {
    super()
    this.address = address.toLowerCase()
    this.id = this.address.replaceAll(':', '')
    this.services = [
      { uuid: '1800', discoverCharacteristicsAsync: () => Promise.reject(new Error('not asked for')) },
      { uuid: nus.service.replaceAll('-', ''), discoverCharacteristicsAsync: () => this.onCharacteristics() },
    ]
  }

  connect(): void {
    this.calls.push('connect')
    this.state = 'connecting'
    this.onConnect()
  }

  connected(): void {
    this.state = 'connected'
    this.advertises = false
    this.emit('connect')
  }

  failed(error: unknown): void {
    this.state = 'error'
    this.emit('connect', error)
  }

  cancelConnect(): void {
    this.calls.push('cancelConnect')
    if (this.state !== 'connecting') return
    this.emit('connect', new Error('connection canceled!'))
    this.onCancel()
  }

  disconnect(): void {
    this.calls.push('disconnect')
    this.state = 'disconnecting'
    this.onDisconnect()
  }

  gone(reason?: unknown): void {
    this.state = 'disconnected'
    this.advertises = true
    this.emit('disconnect', reason)
  }

  /** The device disconnects. */
  leave(): void {
    this.gone(REMOTE_TERMINATED)
  }

  /** Its radio went silent. */
  vanish(): void {
    this.gone(CONNECTION_TIMEOUT)
  }

  discoverServicesAsync(): Promise<NobleService[]> {
    this.calls.push('services')
    return this.onServices()
  }
}

export class ScriptedNoble extends EventEmitter implements Noble {
  state = 'poweredOn'
  scanning = false
  /** How often a scan was begun. */
  scans = 0
  readonly peripherals: ScriptedPeripheral[]

  constructor(...peripherals: ScriptedPeripheral[]) {
    super()
    this.peripherals = peripherals
    this.setMaxListeners(0)
  }

  startScanning(_services: string[], _duplicates: boolean, callback: (error?: unknown) => void): void {
    this.scanning = true
    this.scans++
    setImmediate(() => {
      callback(null)
      this.advertise()
    })
  }

  stopScanning(): void {
    this.scanning = false
  }

  /** Every device that advertises is heard. */
  advertise(): void {
    for (const peripheral of this.peripherals) {
      if (this.scanning && peripheral.advertises) this.emit('discover', peripheral)
    }
  }

  power(state: string): void {
    this.state = state
    this.emit('stateChange', state)
  }
}

export type Asked = Partial<OpenRequest<BleAddress>> & { readonly address?: BleAddress }

/** Connects through the scripted noble. */
export function connect(noble: ScriptedNoble, asked: Asked = {}): Promise<StreamHandle<BleAddress>> {
  const { address = nus, options = {}, ...rest } = asked
  const request = { signal: undefined, engine: undefined, local: undefined, ...rest }
  return connectBle(address, { ...request, options: { noble, ...options } })
}

/** A family with nothing but ble, for endpoints above the handles. */
export const bleFamily: AddressFamily<BleAddress> = {
  name: 'bluetooth',
  schemes: { ble: bleFacts },
  probe: probeBle,
  parse: parseBle,
  format: formatBle,
  ephemeral: () => undefined,
  connect: connectBle,
}

/** What came out of a handle. */
export class Heard {
  readonly chunks: Buffer[] = []
  ends = 0
  readonly errors: Error[] = []
  readonly handle: StreamHandle<BleAddress>

  constructor(handle: StreamHandle<BleAddress>) {
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
