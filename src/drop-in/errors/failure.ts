import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** What went wrong, by its name; and by its number, which is negative, where a system call said so. */
export interface SystemCode {
  readonly code: string
  readonly errno?: number | undefined
}

/** What a system call said. */
export interface Failure extends SystemCode {
  readonly errno: number
}

/** By its name. */
export function failure(code: keyof typeof constants.errno): Failure {
  return { code, errno: -constants.errno[code] }
}

/** By its number, as Node's own handles report it. */
export function failureOf(errno: number): Failure {
  return { code: getSystemErrorMap().get(errno)?.[0] ?? `Unknown system error ${errno}`, errno }
}
