#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { match, P } from 'ts-pattern'
import type { EngineName, OpenOptions } from '../index.ts'
import { cat } from './cat.ts'
import { describeFamilies, familiesAsJson } from './families.ts'
import { CAT_HELP, RELAY_HELP } from './help.ts'
import { relay } from './relay.ts'
import { EXIT, EXIT_HELP, exitCodeOf, reportError } from './report.ts'
import { listenForStop, type Stop } from './stop.ts'

interface OpenFlags {
  readonly timeout?: number
  readonly engine?: EngineName
  readonly local?: string
  readonly option: Readonly<Record<string, unknown>>
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('polysocket')
  .description('Sockets of every address family from the shell. Addresses are scheme:rest, see "polysocket families".')
  .version(version)
  .exitOverride()
  .configureOutput({
    // commander's own errors come in up to two lines: the error, and what was meant perhaps.
    outputError: (text, write) => {
      write(
        `polysocket: usage: ${text
          .replace(/^error: /, '')
          .trim()
          .replace(/\s*\n\s*/g, ' ')}\n`,
      )
    },
  })
  .addHelpText('afterAll', EXIT_HELP)

program
  .command('families')
  .description('List every scheme: its socket, what it promises, and whether it works here; if not, why and the remedy')
  .option('--json', 'print what families() of the library returns')
  .action(({ json }: { json?: boolean }) => {
    process.stdout.write(`${json ? familiesAsJson() : describeFamilies()}\n`)
  })

withOpenOptions(
  program
    .command('cat')
    .description('Join stdin and stdout to a socket')
    .argument('[address]', 'the peer; with --listen where to listen; with --bind the peer to send to')
    .option('-l, --listen', 'take one connection instead of making one')
    .option('-k, --keep', 'with --listen: take one connection after another; stdin is not sent')
    .option('-b, --bind <address>', 'datagrams: receive at this address, and send to the peer or to who wrote last')
    .option('--lines', 'messages: one a line, both ways')
    .option(
      '--size <bytes>',
      'messages: the longest to send (default: 8192; with --lines what the scheme can)',
      positive,
    )
    .option('-n, --count <messages>', 'messages: end after receiving so many', positive)
    .option('--idle <ms>', 'end after so long without traffic', milliseconds)
    .option('-q, --quiet', 'do not tell the address that we listen at'),
)
  .addHelpText('after', CAT_HELP)
  .action(async (address: string | undefined, flags: OpenFlags & Parameters<typeof cat>[1]) => {
    const options = { ...flags, open: openOptions(flags) }
    const terminal = { stdin: () => process.stdin, stdout: process.stdout }
    await untilStopped((stop) => cat(address, options, terminal, stop))
  })

withOpenOptions(
  program
    .command('relay')
    .description('Carry every connection or message that arrives at one address to another, and the answers back')
    .argument('<listen-address>', 'where clients come')
    .argument('<connect-address>', 'where they are carried to; of any scheme of the same kind')
    .option('--progress', 'report once a second')
    .option(
      '--max-connections <number>',
      'connections or senders at a time (default: any number; senders: 1024)',
      positive,
    )
    .option('--idle <ms>', 'schemes without connections: forget a sender after so long', milliseconds, 60_000)
    .option('--grace <ms>', 'when stopped, let open connections finish for so long', milliseconds, 10_000)
    .option('-q, --quiet', 'no line for each connection that ended well'),
)
  .addHelpText('after', RELAY_HELP)
  .action(async (from: string, to: string, flags: OpenFlags & Omit<Parameters<typeof relay>[2], 'open'>) => {
    await untilStopped((stop) => relay(from, to, { ...flags, open: openOptions(flags) }, stop))
  })

function withOpenOptions(command: Command): Command {
  return command
    .option('--timeout <ms>', 'give up connecting, or waiting for a connection, after so long', milliseconds)
    .option('--local <address>', 'our own address when we connect')
    .addOption(new Option('--engine <name>', 'what moves the bytes').choices(['kernel', 'node']))
    .option('-o, --option <name=value>', 'an option of the library, such as noDelay=true; repeatable', addOption, {})
}

function openOptions({ timeout, engine, local, option }: OpenFlags): OpenOptions {
  return {
    ...option,
    ...(timeout !== undefined && { timeout }),
    ...(engine !== undefined && { engine }),
    ...(local !== undefined && { local }),
  }
}

/** `mode=0o660`, `unlinkStale=true`, `congestion=cubic`: JSON or a number where it is one, else text. */
function addOption(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('It must be name=value.')
  return { ...before, [text.slice(0, equals)]: parseValue(text.slice(equals + 1)) }
}

function parseValue(text: string): unknown {
  if (/^0[xob][0-9a-f]+$/i.test(text)) return Number(text)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function milliseconds(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value >= 2 ** 31) throw new InvalidArgumentError('It must be a number of milliseconds.')
  return value
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return Number(text)
}

async function untilStopped(run: (stop: Stop) => Promise<number>): Promise<void> {
  const stop = listenForStop()
  try {
    process.exitCode = await run(stop)
  } finally {
    stop.dispose()
  }
}

// What is printed before a command has taken over stdout may meet a closed pipe too, and stderr has nobody to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exitCode = EXIT.brokenPipe
})
process.stderr.on('error', () => undefined)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = match(error)
    // --help and --version come this way too, with 0; its errors have been printed.
    .with(P.instanceOf(CommanderError), ({ exitCode }) => (exitCode === 0 ? EXIT.ok : EXIT.usage))
    .otherwise((other) => {
      reportError(other)
      return exitCodeOf(other)
    })
}
