import { Footnotes, table, wrapped } from '../table.ts'
import type { Comparison, Counted, Failed, Missing, SchemeResult, SetUp } from './result.ts'
import {
  count,
  disagreement,
  linkInWords,
  messagesInWords,
  milliseconds,
  paceInWords,
  roundTrips,
  threeDigits,
  troubles,
} from './words.ts'

const HEAD = [
  'scheme',
  'set-up',
  'delivery',
  'retrans-\nmitted',
  'boundaries',
  'overhead',
  'latency\none way',
  'suits',
  'facts',
]
const NUMBERS: ReadonlySet<string> = new Set(['retrans-\nmitted', 'overhead'])
const SUITS_WIDTH = 20

/** What `polysocket compare` prints: one table of 120 columns at the most, a row a scheme; streams first. */
export function comparisonText(comparison: Comparison): string {
  const { schemes, machine } = comparison
  const notes = new Footnotes()
  const measured = schemes.filter((each) => 'delivery' in each)
  const streams = measured.filter(({ facts }) => facts.kind === 'stream')
  const datagrams = measured.filter(({ facts }) => facts.kind === 'datagram')
  const rows = [...group('STREAMS', streams, notes), ...group('DATAGRAMS', datagrams, notes)]
  const others = otherLines(
    schemes.filter((each) => 'reason' in each),
    notes,
  )
  return [
    '',
    `${messagesInWords(comparison)}; ${paceInWords(comparison)}, one way, both ends in this process.`,
    ...disturbedLines(measured, comparison),
    ...(streams.length === 0 ? [] : ["A stream's message has its length before it, 4 bytes, which count as overhead."]),
    `Node ${machine.node}, ${machine.system}, ${count(machine.processors, 'processor')}.`,
    ...(rows.length === 0 ? [] : ['', table(HEAD, rows, NUMBERS)]),
    ...(others.length === 0 ? [] : ['', ...others]),
    String(notes),
  ].join('\n')
}

function disturbedLines(measured: readonly SchemeResult[], { faults, netem, schemes }: Comparison): string[] {
  const namesOf = (by: SchemeResult['disturbed']): string =>
    measured
      .filter(({ disturbed }) => disturbed === by)
      .map(({ scheme }) => scheme)
      .join(', ')
  const disturbed = (['memory faults', 'netem'] as const).flatMap((by) =>
    namesOf(by) === '' ? [] : [`Disturbed by ${by}: ${namesOf(by)}.`],
  )
  const asTheyAre = namesOf('nothing')
  const hint = !netem && /\b(tcp|udp)\b/.test(asTheyAre) ? ' (--netem disturbs tcp and udp)' : ''
  // Of one that failed the link may be the reason.
  const isUsed = disturbed.length > 0 || schemes.some((each) => 'failed' in each)
  const link = isUsed ? [`Link: ${linkInWords(faults)}.`] : []
  return [...link, ...disturbed, ...(asTheyAre === '' ? [] : [`As they are: ${asTheyAre}${hint}.`])]
}

/** A head, and the rows with an empty one before each. */
function group(title: string, results: readonly SchemeResult[], notes: Footnotes): string[][] {
  return results.flatMap((result, place) => [[place === 0 ? title : ''], row(result, notes)])
}

function row(result: SchemeResult, notes: Footnotes): string[] {
  const { scheme, disturbed, setUp, delivery, latency } = result
  const befell = troubles(delivery)
  return [
    `${scheme}\n${disturbed === 'nothing' ? 'as it is' : 'disturbed'}`,
    setUpText(setUp, notes),
    `${threeDigits(delivery.delivered)} of ${threeDigits(delivery.sent)}\n${befell.length === 0 ? 'in order' : befell.join(',\n')}`,
    counted(result.retransmitted, '', notes),
    boundariesText(result),
    counted(result.overhead, ' B', notes),
    delivery.delivered === 0
      ? 'nothing\narrived'
      : `p50 ${milliseconds(latency.p50)}\np99 ${milliseconds(latency.p99)}\nmax ${milliseconds(latency.max)}`,
    wrapped(result.suits, SUITS_WIDTH),
    agreementText(result, notes),
  ]
}

function setUpText({ time, roundTrips: { value, source } }: SetUp, notes: Footnotes): string {
  // That there is no delay to tell them by is no news on a link that is as it is.
  if (value === undefined) return milliseconds(time)
  return `${milliseconds(time)}\n${roundTrips(value).replace(' trip', '\ntrip')} ${notes.mark(source)}`
}

function counted({ value, source }: Counted, unit: string, notes: Footnotes): string {
  return `${value === undefined ? '?' : `${threeDigits(value)}${unit}`} ${notes.mark(source)}`
}

function boundariesText({ boundaries: { kept, writes, reads } }: SchemeResult): string {
  if (reads === 0) return 'nothing\narrived'
  return kept ? 'kept' : `not kept:\n${count(writes, 'write')},\n${count(reads, 'read')}`
}

function agreementText({ scheme, agreements }: SchemeResult, notes: Footnotes): string {
  const broken = agreements.filter(({ agrees }) => !agrees)
  if (broken.length === 0) return `${agreements.length}\nagree`
  return `DIS-\nAGREE\n${notes.mark(`${scheme}: ${broken.map(disagreement).join('; ')}`)}`
}

/** Those without numbers, which would only make the table's columns wide. */
function otherLines(others: readonly (Missing | Failed)[], notes: Footnotes): string[] {
  const width = Math.max(...others.map(({ scheme }) => scheme.length))
  return others.map((other) => {
    const { scheme, reason, remedy } = other
    const mark = notes.mark(`${reason}; remedy: ${remedy}`)
    return `${scheme.padEnd(width)}  ${'failed' in other ? 'FAILED' : 'not here'} ${mark}`
  })
}
