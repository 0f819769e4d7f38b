import type { Message } from 'dbus-native'
import { wrongNumber, wrongValue } from '../../../core/argument-errors.ts'
import { checkDeadline, type DeadlineOptions, withDeadline } from '../../../core/deadline.ts'
import { explained, SocketError, unsupported } from '../../../core/errors.ts'
import type { BluetoothSecurity } from '../options.ts'
import { parseService } from '../uuid.ts'
import { BLUEZ_PATH, BluezBus, Refusal } from './bus.ts'
import { takeFd } from './claim.ts'
import { type BluetoothDevice, deviceOf } from './device.ts'
import { DEVICE } from './objects.ts'
import { escapeXml, sdpRecord } from './record.ts'
import { type BluezRegistration, registrationOf } from './registration.ts'

export interface ServiceOptions extends DeadlineOptions {
  /** The service: a UUID, or a name such as `spp`. */
  readonly uuid: string
  /** What those who look for services are shown. */
  readonly name: string
}

export interface RecordOptions extends ServiceOptions {
  /** The RFCOMM channel that somebody listens on, 1 to 30. */
  readonly channel: number
}

export interface ProfileOptions extends ServiceOptions {
  /** The RFCOMM channel for bluetoothd to listen on, 1 to 30; 0, the default, for a free one, perhaps another on each adapter. */
  readonly channel?: number
  /** `medium`: only devices that are paired. bluetoothd knows no `high`. Default: `low`. */
  readonly security?: BluetoothSecurity
  /** An agent is asked about each connection of a device that is not trusted. Default: false. */
  readonly authorization?: boolean
}

export interface ProfileEvents {
  /**
   * A device has connected. The descriptor is a connected RFCOMM socket, non-blocking and close-on-exec, and the callee's to
   * close, or to `adopt`.
   */
  onConnection(fd: number, device: BluetoothDevice): void
  /** bluetoothd asks to disconnect this device. */
  onDisconnectRequest?(device: BluetoothDevice): void
  /** bluetoothd or the bus has gone: there is no record and no listener any more. Connections live on. */
  onLost?(error: SocketError): void
}

const MANAGER = 'org.bluez.ProfileManager1'
const PROFILE = 'org.bluez.Profile1'
const PROFILE_PATH = '/polysocket/profile'
const MAX_CHANNEL = 30

/**
 * Has bluetoothd listen for a service on RFCOMM, publish its SDP record on every adapter, and hand over the connections:
 * ProfileManager1.RegisterProfile and Profile1, doc/profile-api.txt of BlueZ. Needs no privileges.
 *
 * bluetoothd does not say when it cannot listen, as on a channel that is taken: there is no record then, either. A listener
 * of our own with `publishRecord` does.
 *
 * Rejects with `EADDRINUSE` when another program has registered the service, `EINVAL`, `ERR_FAMILY_UNAVAILABLE`, `ETIMEDOUT`, or an `AbortError`.
 */
export function registerProfile(options: ProfileOptions, events: ProfileEvents): Promise<BluezRegistration> {
  const { channel = 0, security = 'low', authorization = false, name } = options
  const uuid = checkService(options, channel, 0)
  if (security === 'high') throw unsupported('a service with security high', 'bluetoothd asks for encryption at most')
  return register(options, events, uuid, {
    // bluetoothd puts it into the XML of the record as it is.
    Name: ['s', escapeXml(name)],
    Role: ['s', 'server'],
    Channel: ['q', channel],
    RequireAuthentication: ['b', security !== 'low'],
    RequireAuthorization: ['b', authorization],
  })
}

/**
 * Publishes the SDP record of a service on every adapter, for a socket that listens on `channel` already, ours or another
 * process's. Rejects as `registerProfile` does.
 */
export function publishRecord(
  options: RecordOptions,
  events: Pick<ProfileEvents, 'onLost'> = {},
): Promise<BluezRegistration> {
  const uuid = checkService(options, options.channel, 1)
  // A profile that bluetoothd knows would have it listen by itself; one that nobody knows only brings its record along.
  return register(options, events, crypto.randomUUID(), {
    Name: ['s', options.name],
    Role: ['s', 'server'],
    ServiceRecord: ['s', sdpRecord(uuid, options.name, options.channel)],
  })
}

function checkService(options: ServiceOptions, channel: number, least: number): string {
  checkDeadline(options)
  if (typeof options.name !== 'string' || options.name === '' || /\p{Cc}/u.test(options.name)) {
    throw wrongValue('a service needs a name, without control characters')
  }
  const uuid = typeof options.uuid === 'string' ? parseService(options.uuid) : undefined
  if (uuid === undefined) throw wrongValue(`${JSON.stringify(options.uuid)} is neither a UUID nor a service's name`)
  if (!Number.isInteger(channel) || channel < least || channel > MAX_CHANNEL) {
    throw wrongNumber(channel, `the channel must be ${least} to ${MAX_CHANNEL}, not ${channel}`)
  }
  return uuid
}

async function register(
  options: ServiceOptions,
  events: Partial<ProfileEvents>,
  uuid: string,
  settings: Record<string, [string, unknown]>,
): Promise<BluezRegistration> {
  const open = async (signal: AbortSignal | undefined): Promise<BluezBus> => {
    const bus = await BluezBus.open(signal)
    try {
      offerProfile(bus, events)
      const body = [PROFILE_PATH, uuid, Object.entries(settings)]
      await bus.call(BLUEZ_PATH, MANAGER, 'RegisterProfile', 'osa{sv}', body, { signal, address: uuid })
    } catch (error) {
      await bus.close()
      // BlueZ 5.56 and later have one program for each service.
      const isTaken = error instanceof SocketError && error.code === 'EPERM'
      throw isTaken
        ? explained('EADDRINUSE', 'register', uuid, 'another program has registered the service', error)
        : error
    }
    bus.onLost((error) => events.onLost?.(error))
    return bus
  }
  const bus = await withDeadline(options, 'register', uuid, open, (late) => void late.close())
  return registrationOf(bus)
}

function offerProfile(bus: BluezBus, events: Partial<ProfileEvents>): void {
  const device = (path: unknown): BluetoothDevice => deviceOf(bus.objects.get(path as string)?.[DEVICE] ?? {})
  const nothing = { takes: '', gives: '', run: () => undefined }
  bus.offer(PROFILE_PATH, PROFILE, {
    NewConnection: {
      takes: 'oha{sv}',
      gives: '',
      run([path, index], message: Message) {
        // Asked before the descriptor is taken: what nobody takes is closed.
        const fd = events.onConnection === undefined ? undefined : takeFd(message, index)
        if (fd === undefined) throw new Refusal('org.bluez.Error.Rejected', 'nobody takes this connection')
        events.onConnection?.(fd, device(path))
      },
    },
    RequestDisconnection: { takes: 'o', gives: '', run: ([path]) => events.onDisconnectRequest?.(device(path)) },
    // It comes when bluetoothd ends, and so does its name's leaving the bus, which tells the same.
    Release: nothing,
    Cancel: nothing,
  })
}
