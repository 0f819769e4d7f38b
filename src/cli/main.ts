#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { match, P } from 'ts-pattern'
import { type CatOptions, cat } from './cat.ts'
import { count, duration, seed, share } from './compare/arguments.ts'
import { compare } from './compare/compare.ts'
import { type CompareOptions, DEFAULTS } from './compare/options.ts'
import { comparisonPage } from './compare/page.ts'
import { describeFamilies, familiesAsJson } from './families.ts'
import {
  engineFlag,
  listFlag,
  localFlag,
  milliseconds,
  type OpenFlags,
  openOptions,
  optionFlag,
  positive,
  timeoutFlag,
} from './flags.ts'
import { CAT_HELP, COMPARE_HELP, RELAY_HELP, SCAN_HELP, SERVICES_HELP } from './help.ts'
import { type RelayOptions, relay } from './relay.ts'
import { EXIT, EXIT_HELP, exitCodeOf, reportError } from './report.ts'
import { type ScanOptions, scan } from './scan.ts'
import { describeServices, type ServicesOptions } from './services.ts'
import { listenForStop, type Stop } from './stop.ts'

type CatFlags = OpenFlags & Omit<CatOptions, 'open'> & { readonly option?: Record<string, unknown> }
type RelayFlags = OpenFlags &
  Omit<RelayOptions, 'listening' | 'connecting'> & {
    readonly listenOption?: Record<string, unknown>
    readonly connectOption?: Record<string, unknown>
  }

const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(manifest) as { version: string }

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
    process.stdout.write(json ? familiesAsJson() : describeFamilies())
  })

program
  .command('cat')
  .description('Join stdin and stdout to a socket')
  .argument('[address]', 'the peer; with --listen where to listen; with --bind the peer to send to')
  .option('-l, --listen', 'take one connection instead of making one')
  .option('-k, --keep', 'with --listen: take one connection after another; stdin is not sent')
  .option('-b, --bind <address>', 'datagrams: receive at this address, and send to the peer or to who wrote last')
  .option('--lines', 'messages: one a line, both ways')
  .option('--size <bytes>', 'messages: the longest to send (default: 8192; with --lines what the scheme can)', positive)
  .option('-n, --count <messages>', 'messages: end after receiving so many', positive)
  .option('--idle <ms>', 'end after so long without traffic', milliseconds)
  .option('-q, --quiet', 'do not tell the address that we listen at')
  .addOption(timeoutFlag)
  .addOption(localFlag)
  .addOption(engineFlag)
  .addOption(optionFlag('-o, --option', 'an option of the library, such as noDelay=true; repeatable'))
  .addHelpText('after', CAT_HELP)
  .action(async (address: string | undefined, flags: CatFlags) => {
    const options = { ...flags, open: openOptions(flags, flags.option) }
    const terminal = { stdin: () => process.stdin, stdout: process.stdout }
    await untilStopped((stop) => cat(address, options, terminal, stop))
  })

program
  .command('relay')
  .description('Carry every connection or message that arrives at one address to another, and the answers back')
  .argument('<listen-address>', 'where clients come')
  .argument('<connect-address>', 'where they are carried to; of any scheme of the same kind')
  .option('--progress', 'report once a second')
  .option('--max-connections <number>', 'at a time (default: any number; without connections 1024 senders)', positive)
  .option('--idle <ms>', 'schemes without connections: forget a sender after so long', milliseconds, 60_000)
  .option('--grace <ms>', 'when stopped, let open connections finish for so long', milliseconds, 10_000)
  .option('-q, --quiet', 'no line for each connection that ended')
  .addOption(timeoutFlag)
  .addOption(localFlag)
  .addOption(engineFlag)
  .addOption(optionFlag('--listen-option', 'an option of the library where clients come; repeatable'))
  .addOption(optionFlag('--connect-option', 'an option of the library where they are carried to; repeatable'))
  .addHelpText('after', RELAY_HELP)
  .action(async (from: string, to: string, flags: RelayFlags) => {
    const { engine } = flags
    const listening = openOptions(engine === undefined ? {} : { engine }, flags.listenOption)
    const connecting = openOptions(flags, flags.connectOption)
    await untilStopped((stop) => relay(from, to, { ...flags, listening, connecting }, stop))
  })

/** Each is a point in a chart and a line of the JSON, which with ten times as many is longer than a string can be. */
const MOST_MESSAGES = 100_000

program
  .command('compare')
  .description('Measure what streams and datagrams promise, scheme by scheme, through a link that loses and delays')
  .argument('[scheme...]', 'what to compare, by scheme (default: all that work here)')
  .option(
    '--messages <number>',
    'to send over each scheme, up to 100000 (default: 500; over a radio 100)',
    count(MOST_MESSAGES),
  )
  .option('--size <bytes>', 'of each message, 4 or more', positive, DEFAULTS.size)
  .option('--interval <time>', 'from one message to the next (default: 4ms; over a radio 20ms)', duration)
  .addOption(shareFlag('--loss <share>', 'lost on the way', DEFAULTS.loss))
  .addOption(shareFlag('--duplicate <share>', 'arrive twice', DEFAULTS.duplicate))
  .addOption(shareFlag('--reorder <share>', 'held back, so that later ones arrive before', DEFAULTS.reorder))
  .addOption(timeFlag('--delay <time>', 'one way', DEFAULTS.delay))
  .addOption(timeFlag('--jitter <time>', 'up to so much more', DEFAULTS.jitter))
  .option('--seed <number>', 'chooses what is lost', seed, DEFAULTS.seed)
  .option('--netem', 'disturb tcp and udp as well, by the kernel')
  .option('--json', 'print what was found out as JSON, every message included')
  .option('--html <file>', 'write a page with charts as well, for a browser')
  .addHelpText('after', COMPARE_HELP)
  .action((schemes: readonly string[], { html, ...options }: CompareOptions & { readonly html?: string }) => {
    const page = html === undefined ? undefined : { file: html, make: comparisonPage }
    return untilStopped((stop) =>
      compare(schemes, options, { stdout: process.stdout, stderr: process.stderr, page }, stop),
    )
  })

/** Help tells a default as one would write it. */
function shareFlag(flags: string, what: string, usual: number): Option {
  return new Option(flags, what).argParser(share).default(usual, `${100 * usual}%`)
}

function timeFlag(flags: string, what: string, usual: number): Option {
  return new Option(flags, what).argParser(duration).default(usual, `${usual}ms`)
}

/** BlueZ searches for LE and BR/EDR in turns of some 5 s each. */
const SCAN_TIME = 15_000

program
  .command('scan')
  .description('Search for Bluetooth devices, and print each as it is found')
  .option('--timeout <ms>', 'search for so long', milliseconds, SCAN_TIME)
  .addOption(new Option('--kind <kind>', 'what to search for (default: both)').choices(['bredr', 'le']))
  .option('--adapter <adapter>', 'the adapter to search with, hci0 or its address (default: the first that is on)')
  .addOption(listFlag('--service <service>', 'only devices that announce it, by name (spp) or UUID; repeatable'))
  .option('--json', 'one JSON object a line: the devices as discover() of the library gives them')
  .addHelpText('after', SCAN_HELP)
  .action((options: ScanOptions) => untilStopped((stop) => scan(options, process.stdout, stop)))

program
  .command('services')
  .description('List the services of a Bluetooth device, and where each can be connected to')
  .argument('<device>', 'its address, AA:BB:CC:DD:EE:FF')
  .option('--local <adapter>', 'the adapter to ask from, hci0 or its address (default: one that the kernel chooses)')
  .option('--timeout <ms>', 'give up after so long', milliseconds)
  .option('--json', 'a JSON array: the services as discoverServices() gives them, without the whole records')
  .addHelpText('after', SERVICES_HELP)
  .action(async (device: string, options: ServicesOptions) => {
    await untilStopped(async (stop) => {
      process.stdout.write(await describeServices(device, options, stop))
      return stop.exitCode ?? EXIT.ok
    })
  })

async function untilStopped(run: (stop: Stop) => Promise<number>): Promise<void> {
  const stop = listenForStop()
  try {
    process.exitCode = await run(stop)
  } catch (error) {
    // Whatever fails after we were asked to stop, fails because we stop.
    if (stop.exitCode === undefined) throw error
    process.exitCode = stop.exitCode
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
