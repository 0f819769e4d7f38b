import { type BluetoothService, discoverServices } from '../bluetooth.ts'
import { localAdapters } from '../families/bluetooth/local-adapters.ts'
import { formatService } from '../families/bluetooth/uuid.ts'
import { formatAddress, SocketError } from '../index.ts'
import { printable } from './printable.ts'
import type { Stop } from './stop.ts'
import { table } from './table.ts'

export interface ServicesOptions {
  /** The adapter to ask from, by name or address. */
  readonly local?: string
  readonly timeout?: number
  readonly json?: boolean
}

/** What `polysocket services` prints: the services of a device, and where each can be connected to. */
export async function describeServices(
  device: string,
  { local, timeout, json }: ServicesOptions,
  stop: Stop,
): Promise<string> {
  const services = await discoverServices(device, {
    signal: stop.soft,
    ...(timeout !== undefined && { timeout }),
    ...(local !== undefined && { local: await addressOfAdapter(local) }),
  })
  const found = services.map((service) => ({ service, address: addressOf(device, service) }))
  if (json) return `${JSON.stringify(found.map(asJson), null, 2)}\n`
  if (found.length === 0) return 'It offers no services.\n'
  const rows = found.map(({ service, address }) => [
    printable(service.name ?? '-'),
    service.uuids.map(formatService).join(' '),
    String(service.channel ?? '-'),
    service.psm === undefined ? '-' : `0x${service.psm.toString(16).padStart(4, '0')}`,
    address ?? '-',
  ])
  return `${table(['service', 'uuid', 'RFCOMM channel', 'L2CAP PSM', 'address'], rows, new Set(['RFCOMM channel']))}\n`
}

/** The whole record has numbers and bytes that JSON has not; what is made of it stays. */
function asJson({ service, address }: { service: BluetoothService; address: string | undefined }): object {
  const { attributes: _, ...rest } = service
  return { ...rest, address }
}

/** `undefined` where it is reached by other ways, or claims to be where nothing can be. */
function addressOf(device: string, { channel, psm }: BluetoothService): string | undefined {
  const where = { family: 'bluetooth', bdaddr: device } as const
  try {
    if (channel !== undefined) return formatAddress({ ...where, scheme: 'rfcomm', channel })
    if (psm !== undefined && psm > 0) return formatAddress({ ...where, scheme: 'l2cap', psm })
  } catch (error) {
    if (!(error instanceof SocketError && error.code === 'ERR_ADDRESS_INVALID')) throw error
  }
  return undefined
}

/** `hci1`, where there is one; any other text is the library's to judge. */
async function addressOfAdapter(local: string): Promise<string> {
  if (!/^hci\d+$/.test(local)) return local
  const found = (await localAdapters()).find(({ index }) => local === `hci${index}`)
  if (found === undefined) throw new SocketError('ENODEV', `there is no adapter ${local}`)
  return found.address
}
