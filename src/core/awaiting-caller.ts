/**
 * Rethrows the error with the stack of the awaiting caller below its own. The stack is taken here, since taking one for each
 * message that is sent would cost more than the send.
 */
export function withCaller(error: unknown): never {
  if (!(error instanceof Error)) throw error
  const waiting: { stack?: unknown } = {}
  Error.captureStackTrace(waiting, withCaller)
  // `Error.prepareStackTrace` may return something else.
  if (typeof waiting.stack === 'string' && typeof error.stack === 'string') {
    const frames = waiting.stack.indexOf('\n')
    if (frames >= 0) error.stack += waiting.stack.slice(frames)
  }
  throw error
}
