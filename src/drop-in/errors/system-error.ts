import type { SystemCode } from './failure.ts'

/** What Node's own modules throw and emit for a failed system call. */
export interface SystemError extends Error {
  readonly code: string
  readonly errno: number | undefined
  readonly syscall: string
}

/** `read ECONNRESET`: for a call that has no address to name. */
export function callFailed({ errno, code }: SystemCode, syscall: string): SystemError {
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall })
}
