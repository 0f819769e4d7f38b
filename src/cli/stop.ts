import { EXIT, exitCodeOfSignal } from './report.ts'

/** When to stop, and with which exit code: on SIGINT, SIGTERM, SIGHUP, or when nobody reads our output any more. */
export interface Stop {
  /** The first request: finish, clean up (a socket file, say) and go. */
  readonly soft: AbortSignal
  /** The second: do not wait for anything. A third ends the process on the spot. */
  readonly hard: AbortSignal
  /** What to exit with; `undefined` as long as nobody asked us to stop. */
  readonly exitCode: number | undefined
  /** Gives the signals back to Node, whose default is to end the process. */
  dispose(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function listenForStop(): Stop {
  const soft = new AbortController()
  const hard = new AbortController()
  let exitCode: number | undefined
  const ask = (code: number): void => {
    exitCode ??= code
    if (hard.signal.aborted) process.exit(exitCode)
    if (soft.signal.aborted) hard.abort()
    else soft.abort()
  }
  const onSignal = (signal: NodeJS.Signals): void => ask(exitCodeOfSignal(signal))
  const onOutputError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') ask(EXIT.brokenPipe)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.stdout.on('error', onOutputError)
  return {
    soft: soft.signal,
    hard: hard.signal,
    get exitCode() {
      return exitCode
    },
    dispose() {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      // The listener on stdout stays: an EPIPE that is still on its way must not become an uncaught exception.
    },
  }
}
