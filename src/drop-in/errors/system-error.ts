import type { SystemCode } from './failure.ts'

/** What Node's own modules throw and emit for a failed system call. */
export interface SystemError extends Error {
  readonly code: string
  readonly errno: number | undefined
  readonly syscall: string
}

/** The same, of a call that had an address. */
export interface PlacedError extends SystemError {
  readonly address?: string | null | undefined
  port?: number
  readonly localAddress?: string
  readonly localPort?: number
}

/** `read ECONNRESET`: for a call that has no address to name. */
export function callFailed({ errno, code }: SystemCode, syscall: string): SystemError {
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
}

/** `connect ECONNREFUSED 127.0.0.1:1 - Local (127.0.0.1:9)` */
export function placedError(
  { code, errno }: SystemCode,
  syscall: string,
  address: string | undefined,
  port?: number,
  local?: { address: string; port: number },
): PlacedError {
  const from = local === undefined ? '' : ` - Local (${local.address}:${local.port})`
  const error: PlacedError = Object.assign(new Error(`${syscall} ${code}${place(address, port)}${from}`), {
    errno,
    code,
    syscall,
    address,
  })
  if (port) error.port = port
  if (local !== undefined) Object.assign(error, { localAddress: local.address, localPort: local.port })
  return error
}

/** What a message says of an address; nothing where there is none. */
export function place(address: string | null | undefined, port: number | null | undefined): string {
  if (port && port > 0) return ` ${address}:${port}`
  return address ? ` ${address}` : ''
}
