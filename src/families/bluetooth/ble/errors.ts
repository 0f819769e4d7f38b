import { explained, SocketError } from '../../../core/errors.ts'

/** HCI's error codes (Core specification, volume 1, part F) as the system's; those that a connection can end with. */
const CODES: ReadonlyMap<number, string> = new Map([
  [0x03, 'ECONNABORTED'], // Hardware Failure
  [0x04, 'EHOSTDOWN'], // Page Timeout
  [0x05, 'EACCES'], // Authentication Failure
  [0x06, 'EACCES'], // PIN or Key Missing
  [0x08, 'ETIMEDOUT'], // Connection Timeout
  [0x09, 'EMLINK'], // Connection Limit Exceeded
  [0x0b, 'EBUSY'], // Connection Already Exists
  [0x0c, 'EBUSY'], // Command Disallowed
  [0x0d, 'ECONNREFUSED'], // Rejected due to Limited Resources
  [0x13, 'ECONNRESET'], // Remote User Terminated Connection
  [0x14, 'ECONNRESET'], // Remote Device Terminated: Low Resources
  [0x15, 'ECONNRESET'], // Remote Device Terminated: Power Off
  [0x16, 'ECONNABORTED'], // Terminated by Local Host
  [0x22, 'ETIMEDOUT'], // LL Response Timeout
  [0x3d, 'EACCES'], // MIC Failure
  [0x3e, 'EHOSTDOWN'], // Connection Failed to be Established
])

/** The peer's own decision, as far as it can be told: an orderly end. */
const ORDERLY: ReadonlySet<number> = new Set([0x13, 0x14, 0x15])

/** The other side was there when it was asked, and the first packets were lost: trying again mostly helps. */
const FAILED_TO_ESTABLISH = 0x3e

/** What noble rejected with, as an error: it may be a string. */
export function reasonOf(rejection: unknown): Error {
  return rejection instanceof Error ? rejection : new Error(String(rejection))
}

/** The error of a connect that noble gave up: its message ends with HCI's code, `(0x3e)`, on Linux. */
export function connectFailure(address: string, failure: unknown): SocketError {
  const reason = reasonOf(failure)
  const [, digits] = /\(0x([0-9a-f]{1,2})\)/i.exec(reason.message) ?? []
  const status = digits === undefined ? undefined : Number.parseInt(digits, 16)
  const code = status === undefined ? undefined : CODES.get(status)
  return mark(explained(code ?? 'ECONNREFUSED', 'connect', address, reason.message, reason), status)
}

/** The error of a connection that is gone; `reason` is what noble's 'disconnect' said. */
export function lossOf(call: string, address: string, reason: unknown): SocketError {
  const status = typeof reason === 'number' ? reason : undefined
  const code = (status === undefined ? undefined : CODES.get(status)) ?? 'ECONNRESET'
  const why =
    status === undefined ? 'the device disconnected' : `the link ended with HCI reason 0x${status.toString(16)}`
  return mark(explained(code, call, address, why), status)
}

/** Whether a connection that ended so ended as it should. What is no number tells nothing, and counts as such. */
export function isOrderly(reason: unknown): boolean {
  return typeof reason !== 'number' || ORDERLY.has(reason)
}

const worthAnother = new WeakSet<SocketError>()

function mark(error: SocketError, status: number | undefined): SocketError {
  if (status === FAILED_TO_ESTABLISH) worthAnother.add(error)
  return error
}

/** Whether the same attempt may succeed when it is made again. */
export function isWorthAnother(error: unknown): boolean {
  return error instanceof SocketError && worthAnother.has(error)
}
