import { getSystemErrorMap, type InspectOptions, inspect } from 'node:util'
import type { SystemCode } from '../errors/failure.ts'
import { received } from '../errors/received.ts'
import type { SystemError } from '../errors/system-error.ts'

/** What Node's own modules throw for misuse: a `code`, which the name in the stack repeats. */
export interface CodedError extends Error {
  readonly code: string
}

type Base = new (message: string) => Error

export function coded(Base: Base, code: string, message: string): CodedError {
  const error = new Base(message)
  const { stack } = error
  const title = `${error.name} [${code}]`
  if (stack !== undefined) error.stack = stack.replace(error.name, title)
  Object.defineProperty(error, 'toString', { value: () => `${title}: ${message}`, configurable: true, writable: true })
  return Object.assign(error, { code })
}

/** `expected` follows "must be": `of type string`. */
export function invalidArgument(name: string, expected: string, actual: unknown): CodedError {
  const kind = name.includes('.') ? 'property' : 'argument'
  const message = `The "${name}" ${kind} must be ${expected}. Received ${received(actual)}`
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message)
}

export function outOfRange(name: string, range: string, actual: unknown): CodedError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(actual)}`
  return coded(RangeError, 'ERR_OUT_OF_RANGE', message)
}

export function badPort(name: string, lowest: '> 0' | '>= 0', actual: unknown): CodedError {
  const message = `${name} should be ${lowest} and < 65536. Received ${received(actual)}.`
  return coded(RangeError, 'ERR_SOCKET_BAD_PORT', message)
}

/** `bind EADDRINUSE 127.0.0.1:53`; a port of 0 is left out. */
export function addressFailed(
  { errno, code }: SystemCode,
  syscall: string,
  address: string | undefined,
  port?: number,
): SystemError {
  const where = port ? `${address}:${port}` : address
  const error = Object.assign(new Error(`${syscall} ${code} ${where}`), { errno, code, syscall, address })
  return port ? Object.assign(error, { port }) : error
}

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
