import { constants } from 'node:os'
import { match, P } from 'ts-pattern'

/** What the command exits with; `--help` lists the same numbers. */
export const EXIT = {
  ok: 0,
  /** A connection or a system call failed. */
  failed: 1,
  /** Wrong arguments, a wrong address, or a combination that cannot be. */
  usage: 2,
  /** The address family does not work on this machine. */
  unavailable: 3,
  /** Nobody reads our output any more: what a shell shows for a program that SIGPIPE ended. */
  brokenPipe: 141,
} as const

export const EXIT_HELP = `
Exit codes:
  0    done
  1    a connection or a system call failed
  2    wrong arguments, a wrong address, or a combination that cannot be
  3    the address family does not work on this machine
  130  ended by SIGINT (143: SIGTERM, 129: SIGHUP)
  141  nobody reads the output any more

Errors are one line on stderr with their code; DEBUG=polysocket adds the stack.`

/** The command line itself is wrong. */
export class UsageError extends Error {}

/** 128 + the signal's number, as shells have it. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0)
}

export function exitCodeOf(error: unknown): number {
  return match(error)
    .with({ code: 'ERR_FAMILY_UNAVAILABLE' }, () => EXIT.unavailable)
    .with(
      {
        code: P.union(
          'ERR_ADDRESS_INVALID',
          'ERR_FAMILY_UNKNOWN',
          'ERR_OPTION_UNKNOWN',
          'ERR_UNSUPPORTED',
          'ERR_INVALID_ARG_TYPE',
          'ERR_INVALID_ARG_VALUE',
          'ERR_OUT_OF_RANGE',
        ),
      },
      () => EXIT.usage,
    )
    .with(P.instanceOf(UsageError), P.instanceOf(TypeError), P.instanceOf(RangeError), () => EXIT.usage)
    .otherwise(() => EXIT.failed)
}

/** `ECONNREFUSED connect tcp://127.0.0.1:1: connection refused`: the code, then what the message says besides, in one line. */
export function errorText(error: unknown): string {
  const text = match(error)
    .with(P.instanceOf(UsageError), ({ message }) => `usage: ${message}`)
    .with(P.instanceOf(TypeError), P.instanceOf(RangeError), ({ name, message }) => `${name} ${message}`)
    .with({ code: P.string, message: P.string }, ({ code, message }) => withCode(code, message))
    .with({ name: 'Error', message: P.string }, ({ message }) => message)
    .with({ name: P.string, message: P.string }, ({ name, message }) => `${name} ${message}`)
    .otherwise(String)
  return text.replace(/\s*\n\s*/g, ' ').trimEnd()
}

/** A message may have the code in it: as its first word, as node:fs has it, or after the system call. */
function withCode(code: string, message: string): string {
  const rest = message.replace(message.includes(` ${code}`) ? ` ${code}` : code, '').trimStart()
  return rest.startsWith(':') ? `${code}${rest}` : `${code} ${rest}`
}

/** Prints the error in one line; with DEBUG=polysocket also where it came from. */
export function reportError(error: unknown, context = ''): void {
  note(`${errorText(error)}${context}`)
  if (process.env.DEBUG?.split(',').includes('polysocket') && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ''}\n`)
    if (error.cause !== undefined) process.stderr.write(`cause: ${String(error.cause)}\n`)
  }
}

/** One line for the user. stdout belongs to the data, so all talk goes to stderr. */
export function note(text: string): void {
  process.stderr.write(`polysocket: ${text}\n`)
}
