import { getSystemErrorMap, type InspectOptions, inspect } from 'node:util'
import { type CodedError, coded } from '../../core/coded-error.ts'
import type { SystemCode } from '../errors/failure.ts'

/** What `getRecvBufferSize` and its like throw: an error with everything about the call in `info`. */
export function bufferSizeFailed({ errno = 0, code }: SystemCode, syscall: string): CodedError {
  const reason = getSystemErrorMap().get(errno)?.[1] ?? code
  const error = coded(
    Error,
    'ERR_SOCKET_BUFFER_SIZE',
    `Could not get or set buffer size: ${syscall} returned ${code} (${reason})`,
  )
  const info = { errno, code, message: reason, syscall }
  error.stack = `${error.stack}`.replace(/^Error/, 'SystemError')
  Object.defineProperty(error, 'name', { value: 'SystemError', configurable: true, writable: true })
  Object.defineProperty(error, 'info', { value: info, configurable: true, enumerable: true })
  // Shown with what its accessors give, as Node shows it.
  const show = (_depth: number, options: InspectOptions) =>
    inspect(error, { ...options, getters: true, customInspect: false })
  Object.defineProperty(error, inspect.custom, { value: show })
  for (const key of ['errno', 'syscall'] as const) {
    Object.defineProperty(error, key, {
      get: () => info[key],
      set: (value: never) => {
        info[key] = value
      },
      configurable: true,
      enumerable: true,
    })
  }
  return error
}
