/** What Node's own modules throw for misuse: a `code`, which the name in the stack and in the text repeats. */
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
