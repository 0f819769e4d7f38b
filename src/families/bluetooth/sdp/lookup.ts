import { formatService, parseUuid, uuidOfNumber } from '../uuid.ts'
import { SdpClient, type SdpConnection } from './client.ts'
import { notOffered } from './errors.ts'
import { type BluetoothService, serviceOf } from './services.ts'

/** Opens a connection to an address in text; `connect` of the sockets that the family belongs to. */
export type SdpConnect = (address: string, options: { signal?: AbortSignal }) => Promise<SdpEndpoint>

export interface SdpEndpoint extends SdpConnection {
  close(): Promise<void>
}

/** Where SDP servers listen; Assigned Numbers, 2.6. */
const SDP_PSM = '0x0001'

/** What BlueZ asks for to learn all services: not every record has itself listed in the public browse group. */
const L2CAP = uuidOfNumber(0x0100)
const PNP_INFORMATION = uuidOfNumber(0x1200)
const PUBLIC_BROWSE_GROUP = uuidOfNumber(0x1002)

/**
 * The RFCOMM channel of a service of the device. Rejects with `ENOTFOUND` where the device does not offer the service, or
 * not over RFCOMM; as `connect` does where the device cannot be reached; as `SdpClient` says; and with `signal.reason`.
 */
export function lookUpChannel(
  connect: SdpConnect,
  bdaddr: string,
  service: string,
  signal?: AbortSignal,
): Promise<number> {
  return withClient(connect, bdaddr, signal, async (client) => {
    const services = (await client.searchAttributes([service])).map(serviceOf)
    const channel = findChannel(services, service)
    if (channel !== undefined) return channel
    const why = services.length === 0 ? 'the device does not offer the service' : 'the service is not over RFCOMM'
    throw notOffered(why, `rfcomm://${bdaddr}/${formatService(service)}`)
  })
}

/** All services of the device, each once. Rejects as `lookUpChannel` does, but never with `ENOTFOUND`. */
export function readServices(connect: SdpConnect, bdaddr: string, signal?: AbortSignal): Promise<BluetoothService[]> {
  return withClient(connect, bdaddr, signal, async (client) => {
    const services: BluetoothService[] = []
    for (const uuid of [L2CAP, PNP_INFORMATION, PUBLIC_BROWSE_GROUP]) {
      const known = new Set(services.map(({ handle }) => handle))
      const found = (await client.searchAttributes([uuid])).map(serviceOf)
      services.push(...found.filter(({ handle }) => handle === undefined || !known.has(handle)))
    }
    return services
  })
}

/**
 * The channel of the first service over RFCOMM that is of the class `uuid`, else of the first that has it as a profile: a
 * device's search finds the UUID anywhere in a record. `undefined` where there is none.
 */
export function findChannel(services: readonly BluetoothService[], uuid: string): number | undefined {
  const whole = parseUuid(uuid)
  const overRfcomm = services.filter(({ channel }) => channel !== undefined)
  const service =
    overRfcomm.find(({ uuids }) => uuids.some((each) => each === whole)) ??
    overRfcomm.find(({ profiles }) => profiles.some((each) => each.uuid === whole))
  return service?.channel
}

async function withClient<T>(
  connect: SdpConnect,
  bdaddr: string,
  signal: AbortSignal | undefined,
  work: (client: SdpClient) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const address = `l2cap://${bdaddr}/${SDP_PSM}`
  try {
    const connection = await connect(address, signal === undefined ? {} : { signal })
    try {
      return await work(new SdpClient(connection, { address, signal }))
    } finally {
      await connection.close()
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
