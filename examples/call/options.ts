import { Command, InvalidArgumentError } from 'commander'
import type { Faults } from 'polysocket'

/** What the demonstration is asked for. Shares from 0 to 1, times in milliseconds. */
export interface DemoOptions {
  readonly over: string
  readonly loss: number
  readonly delay: number
  readonly jitter: number
  readonly outage: number
  readonly seed: number
  readonly netem: boolean
  readonly out?: string
  readonly json: boolean
}

/** From the arguments of the command. What is wrong with them is printed, and ends the process with 1. */
export function readOptions(argv: readonly string[]): DemoOptions {
  return new Command('demo:call')
    .description(
      'A call between two processes: signalling and video on streams, voice on datagrams; once undisturbed, once not.',
    )
    .option('--over <pair>', 'a scheme of streams and one of datagrams', 'tcp+udp')
    .option('--loss <share>', 'of what crosses the link, each way: 5% or 0.05', share, 0.05)
    .option('--delay <time>', 'each way: 40ms, 0.04s or 40', duration, 40)
    .option('--jitter <time>', 'up to so much more, each way', duration, 20)
    .option('--outage <time>', 'how long signalling is cut in the middle', duration, 3000)
    .option('--seed <number>', 'chooses what is lost', seed, 7)
    .option(
      '--netem',
      'disturb the kernel’s own loopback in a network namespace, rather than a link of the memory family',
      false,
    )
    .option('--out <folder>', 'where the recordings go (default: a new folder of the system’s temporary ones)', folder)
    .option('--json', 'print the reports of both calls as JSON', false)
    .allowExcessArguments(false)
    .parse([...argv], { from: 'user' })
    .opts<DemoOptions>()
}

/** Of the links of the memory family. */
export function faultsOf({ loss, delay, jitter, seed }: DemoOptions): Faults {
  return { loss, delay, jitter, seed }
}

/** A longer time is a slip: nobody waits for it. */
const LONGEST = 3_600_000

function share(text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const value = Number(number) / (percent === '%' ? 100 : 1)
  if (value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('It must be a share such as 5% or 0.05.')
}

function seed(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 0xffffffff) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of 32 bits.')
}

function folder(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('It must name a folder.')
}

function duration(text: string): number {
  const [, number, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? []
  const milliseconds = Number(number) * (unit === 's' ? 1000 : 1)
  if (milliseconds <= LONGEST) return milliseconds
  throw new InvalidArgumentError('It must be a time such as 40ms, 0.04s or 40, and an hour at most.')
}
