import { inspect } from 'node:util'
import { wrongType, wrongValue } from '../../core/argument-errors.ts'
import { unsupported } from '../../core/errors.ts'
import type { ListenerHandle } from '../../core/family.ts'
import type { ListenRequest } from '../../core/options.ts'
import type { RfcommAddress } from './address.ts'
import { ANY } from './bdaddr.ts'
import { publishRecord, registerProfile } from './bluez/profile.ts'
import type { BluezRegistration } from './bluez/registration.ts'
import { HandedListener } from './handed-listener.ts'
import type { PublishedService } from './options.ts'
import { PublishedListener } from './published-listener.ts'
import { formatRfcomm } from './rfcomm.ts'
import { bluetoothSockets } from './sockets.ts'
import { parseService } from './uuid.ts'

type RfcommListener = ListenerHandle<RfcommAddress>
type Request = ListenRequest<RfcommAddress>

const DEFAULT_NAME = 'polysocket'

/** Listens, and has bluetoothd tell others of it: `PublishedService` says how. */
export function listenPublished(address: RfcommAddress, service: unknown, request: Request): Promise<RfcommListener> {
  const wanted = checkService(service)
  return wanted.authorize ? listenByBluez(address, wanted, request) : listenAndPublish(address, wanted, request)
}

/** Our own socket listens; bluetoothd gets no more than the record. */
async function listenAndPublish(
  address: RfcommAddress,
  service: Required<PublishedService>,
  request: Request,
): Promise<RfcommListener> {
  const listener = await listenBySocket(address, request)
  try {
    const registration = await publish(listener, service, request)
    return new PublishedListener(listener, registration)
  } catch (error) {
    listener.close()
    throw error
  }
}

/** `undefined`, and a warning, where there is nobody to publish it. */
async function publish(
  listener: RfcommListener,
  service: Required<PublishedService>,
  { signal }: Request,
): Promise<BluezRegistration | undefined> {
  const channel = channelOf(listener)
  try {
    return await publishRecord(
      { ...service, channel, ...(signal !== undefined && { signal }) },
      { onLost: (error) => warn(channel, error) },
    )
  } catch (error) {
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).code !== 'ERR_FAMILY_UNAVAILABLE') throw error
    warn(channel, error as Error)
    return undefined
  }
}

function warn(channel: number, { message }: Error): void {
  process.emitWarning(`the service on RFCOMM channel ${channel} is not published: ${message}`, {
    code: 'POLYSOCKET_NOT_PUBLISHED',
  })
}

/** bluetoothd listens, asks the agent, and hands over the connections. */
async function listenByBluez(
  address: RfcommAddress,
  service: Required<PublishedService>,
  request: Request,
): Promise<RfcommListener> {
  if (address.bdaddr !== ANY) {
    throw unsupported(`authorize on ${formatRfcomm(address)}`, 'bluetoothd listens on all adapters; the address is any')
  }
  // bluetoothd does not say when a channel is taken, so that we try ourselves; and a free one has to be known.
  const trial = await listenBySocket(address, request)
  const channel = channelOf(trial)
  trial.close()
  const { signal, options } = request
  const { security, ...later } = options
  const listener = new HandedListener(channel, later, request.backlog, bluetoothSockets)
  const registration = await registerProfile(
    {
      ...service,
      channel,
      authorization: true,
      ...(security !== undefined && { security: security as 'low' }),
      ...(signal !== undefined && { signal }),
    },
    { onConnection: (fd) => listener.take(fd), onLost: (error) => listener.lost(error) },
  )
  listener.registered(registration)
  return listener
}

async function listenBySocket(address: RfcommAddress, request: Request): Promise<RfcommListener> {
  return (await bluetoothSockets.listen?.(address, request)) as RfcommListener
}

function channelOf(listener: RfcommListener): number {
  return listener.local?.channel as number
}

function checkService(service: unknown): Required<PublishedService> {
  if (typeof service !== 'object' || service === null) throw wrongType('service must be { uuid, name }')
  const { uuid, name = DEFAULT_NAME, authorize = false }: { [field in keyof PublishedService]?: unknown } = service
  const whole = typeof uuid === 'string' ? parseService(uuid) : undefined
  if (whole === undefined) throw wrongValue(`service.uuid must be a UUID or a name such as spp, not ${inspect(uuid)}`)
  if (typeof name !== 'string') throw wrongType('service.name must be a string')
  if (typeof authorize !== 'boolean') throw wrongType('service.authorize must be a boolean')
  return { uuid: whole, name, authorize }
}
