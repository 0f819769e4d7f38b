import { explained, SocketError } from '../../../core/errors.ts'

/** The parts of dbus-native's `DBusError` that are looked at. */
interface BusError extends Error {
  /** The error's name on the bus, such as `org.bluez.Error.NotReady`. */
  readonly dbusName?: string
  readonly reply?: { readonly sender?: string }
}

const BLUEZ = 'org.bluez.Error.'
const DBUS = 'org.freedesktop.DBus.Error.'

const START = 'start bluetoothd, on most systems by: systemctl start bluetooth (Debian: apt-get install bluez)'

/** What bluetoothd answers, doc/*-api.txt of BlueZ, and the code that the kernel's own sockets have for the same. */
const bluezCodes: Readonly<Record<string, string>> = {
  AgentNotAvailable: 'EACCES',
  AlreadyConnected: 'EISCONN',
  AlreadyExists: 'EEXIST',
  AuthenticationCanceled: 'ECANCELED',
  AuthenticationFailed: 'EACCES',
  AuthenticationRejected: 'EACCES',
  AuthenticationTimeout: 'ETIMEDOUT',
  Blocked: 'ERFKILL',
  Canceled: 'ECANCELED',
  ConnectionAttemptFailed: 'EHOSTDOWN',
  DoesNotExist: 'ENOENT',
  Failed: 'EIO',
  InProgress: 'EBUSY',
  InvalidArguments: 'EINVAL',
  InvalidLength: 'EMSGSIZE',
  NoSuchAdapter: 'ENODEV',
  NotAuthorized: 'EACCES',
  NotAvailable: 'EAGAIN',
  NotConnected: 'ENOTCONN',
  NotPermitted: 'EPERM',
  NotReady: 'ENETDOWN',
  NotSupported: 'EOPNOTSUPP',
  Rejected: 'EACCES',
}

/**
 * `Failed` says why by its text, which comes from mgmt (src/shared/mgmt.c of BlueZ) or is an errno's. Of use are those that
 * have a name of their own elsewhere.
 */
const failures: Readonly<Record<string, string>> = {
  'Blocked through rfkill': 'ERFKILL',
  Busy: 'EBUSY',
  'Connect Failed': 'EHOSTDOWN',
  'Host is down': 'EHOSTDOWN',
  'Not Powered': 'ENETDOWN',
  'Not Supported': 'EOPNOTSUPP',
  'Permission Denied': 'EACCES',
  Timeout: 'ETIMEDOUT',
}

/** What the bus itself answers: D-Bus specification and dbus-protocol.h. */
const busCodes: Readonly<Record<string, string>> = {
  AccessDenied: 'EACCES',
  AuthFailed: 'EACCES',
  InvalidArgs: 'EINVAL',
  LimitsExceeded: 'ENOBUFS',
  NoMemory: 'ENOMEM',
  NoReply: 'ETIMEDOUT',
  NotSupported: 'EOPNOTSUPP',
  TimedOut: 'ETIMEDOUT',
  Timeout: 'ETIMEDOUT',
  UnknownInterface: 'ENOENT',
  UnknownMethod: 'ENOENT',
  UnknownObject: 'ENOENT',
  UnknownProperty: 'ENOENT',
}

/** Names of errors that say that nobody is there: the bus is gone, or bluetoothd is not on it and cannot be started. */
const absent = /^(ServiceUnknown|NameHasNoOwner|Disconnected|NoServer|Spawn\..*)$/

/** The error of a call as one of ours; `what` is the operation, `address` what it was about. The cause is kept. */
export function fromBusError(error: unknown, what: string, address?: string): SocketError {
  if (error instanceof SocketError) return error
  const { dbusName = '', message, reply } = error as BusError
  if (dbusName.startsWith(BLUEZ)) {
    const name = dbusName.slice(BLUEZ.length)
    const code = (name === 'Failed' ? failures[message] : undefined) ?? bluezCodes[name] ?? 'EIO'
    return explained(code, what, address, message, error)
  }
  const name = dbusName.startsWith(DBUS) ? dbusName.slice(DBUS.length) : ''
  if (absent.test(name)) return bluetoothdGone(message, error)
  // bluetoothd went away while it had the call; the bus answers in its place.
  if (name === 'NoReply' && reply?.sender === 'org.freedesktop.DBus') return bluetoothdGone(message, error)
  return explained(busCodes[name] ?? 'EIO', what, address, message, error)
}

export function bluetoothdGone(reason: string, cause?: unknown): SocketError {
  return unavailableBus(`bluetoothd is not there (${reason})`, START, cause)
}

export function unavailableBus(reason: string, remedy: string, cause?: unknown): SocketError {
  const message = `bluetooth over D-Bus is not available here: ${reason}; ${remedy}`
  return new SocketError('ERR_FAMILY_UNAVAILABLE', message, cause === undefined ? {} : { cause })
}
