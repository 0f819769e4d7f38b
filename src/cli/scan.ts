import type { Writable } from 'node:stream'
import { formatService } from '../families/bluetooth/uuid.ts'
import { type BluetoothDevice, type BluetoothKind, discover } from '../index.ts'
import { printable } from './printable.ts'
import { EXIT, note } from './report.ts'
import type { Stop } from './stop.ts'

export interface ScanOptions {
  /** Milliseconds to search for. */
  readonly timeout: number
  readonly kind?: BluetoothKind
  /** By name or address. */
  readonly adapter?: string
  /** Only devices with one of these: names or UUIDs. */
  readonly service?: readonly string[]
  readonly json?: boolean
}

/** Runs `polysocket scan`: a line for each device as soon as it is seen. Gives the exit code; rejects with what to report. */
export async function scan(options: ScanOptions, stdout: Writable, stop: Stop): Promise<number> {
  const { timeout, kind, adapter, service, json } = options
  let count = 0
  const found = discover('bluetooth', {
    signal: stop.soft,
    timeout,
    ...(kind !== undefined && { kinds: [kind] }),
    ...(adapter !== undefined && { adapter }),
    ...(service !== undefined && { services: service }),
  })
  for await (const device of found) {
    count++
    stdout.write(`${json ? JSON.stringify(device) : line(device)}\n`)
  }
  // An empty output could as well be a search that did not happen.
  if (!json) note(`devices found: ${count}`)
  return stop.exitCode ?? EXIT.ok
}

/** `AA:BB:CC:DD:EE:FF  bredr     -60 dBm  0x240404  Headset  hfp 0x110b`: address, kinds, strength, class, name, services. */
function line(device: BluetoothDevice): string {
  const { address, kinds, rssi, name, services } = device
  const strength = rssi === undefined ? '-' : `${rssi} dBm`
  return [
    address,
    kinds.join(',').padEnd('bredr,le'.length),
    strength.padStart('-100 dBm'.length),
    (device.class === undefined ? '-' : `0x${device.class.toString(16).padStart(6, '0')}`).padEnd('0x123456'.length),
    name === undefined ? '-' : printable(name),
    services.map(formatService).join(' '),
  ]
    .join('  ')
    .trimEnd()
}
