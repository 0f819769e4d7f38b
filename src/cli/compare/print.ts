import { Footnotes, table } from '../table.ts'
import type { Comparison, Counted, Outcome, SchemeResult } from './result.ts'
import { digitsFor, linkText, milliseconds, plural } from './words.ts'

const HEAD = [
  'scheme',
  'set-up',
  'arrived',
  'sent again',
  'boundaries',
  'overhead',
  'latency one way',
  'suits',
  'facts',
]

/** What `polysocket compare` prints: one table, a row a scheme. */
export function comparisonText(comparison: Comparison): string {
  const { faults, schemes, machine } = comparison
  const notes = new Footnotes()
  const rows = schemes.map((result) => row(result, notes))
  return `
${heading(comparison)}
Link: ${linkText(faults)}.
${disturbedText(comparison)}
Node ${machine.node}, ${machine.system}, ${plural(machine.processors, 'processor')}.

${table(HEAD, rows, new Set(['sent again', 'overhead']))}
${notes}`
}

function heading({ messages, size, interval, schemes }: Comparison): string {
  const fewer = schemes.filter((each): each is SchemeResult => 'delivery' in each && each.delivery.sent !== messages)
  const except = fewer.map(({ scheme, delivery }) => `, ${scheme} ${delivery.sent}`).join('')
  return `${plural(messages, 'message')} of ${plural(size, 'byte')}${except}; one every ${interval} ms, one way, both ends in this process.`
}

function disturbedText({ schemes, netem }: Comparison): string {
  const tried = schemes.filter((each): each is SchemeResult => 'delivery' in each)
  const names = (those: readonly SchemeResult[]): string => those.map(({ scheme }) => scheme).join(', ')
  const disturbed = tried.filter((each) => each.disturbed !== 'nothing')
  const others = tried.filter((each) => each.disturbed === 'nothing')
  const hint = !netem && others.some(({ scheme }) => scheme === 'tcp' || scheme === 'udp')
  return [
    disturbed.length === 0 ? 'It disturbs none of these.' : `It disturbs ${names(disturbed)}.`,
    ...(others.length === 0 ? [] : [`As they are: ${names(others)}${hint ? ' (--netem disturbs tcp and udp)' : ''}.`]),
  ].join(' ')
}

function row(result: Outcome, notes: Footnotes): string[] {
  if ('reason' in result) {
    const { scheme, reason, remedy } = result
    return [scheme, `${'failed' in result ? 'FAILED' : 'not here'} ${notes.mark(`${reason}; remedy: ${remedy}`)}`]
  }
  const { scheme, disturbed, setUp, delivery, latency } = result
  return [
    `${scheme}\n${disturbed === 'nothing' ? '(as it is)' : disturbed}`,
    `${milliseconds(setUp.time)}${setUp.roundTrips === undefined ? '' : `\n${setUp.roundTrips.toFixed(1)} round trips`}`,
    `${delivery.delivered} of ${delivery.sent}\n${troubles(result)}`,
    counted(result.retransmitted, '', notes),
    boundariesText(result),
    counted(result.overhead, ' B', notes),
    `p50 ${milliseconds(latency.p50)}, p99 ${milliseconds(latency.p99)}\nmax ${milliseconds(latency.max)}`,
    result.suits.replace(/: /, ':\n'),
    agreementText(result, notes),
  ]
}

function troubles({ delivery: { lost, duplicated, reordered } }: SchemeResult): string {
  const words = [
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(duplicated > 0 ? [`${duplicated} doubled`] : []),
    ...(reordered > 0 ? [`${reordered} reordered`] : []),
  ]
  return words.length === 0 ? 'in order' : words.join(',\n')
}

function counted({ value, source }: Counted, unit: string, notes: Footnotes): string {
  return `${value === undefined ? '?' : `${value.toFixed(digitsFor(value))}${unit}`} ${notes.mark(source)}`
}

function boundariesText({ boundaries: { kept, writes, reads } }: SchemeResult): string {
  return kept ? 'kept' : `${plural(writes, 'write')},\n${plural(reads, 'read')}`
}

function agreementText({ scheme, agreements }: SchemeResult, notes: Footnotes): string {
  const broken = agreements.filter(({ agrees }) => !agrees)
  if (broken.length === 0) return `${agreements.length} agree`
  const text = broken.map(
    ({ fact, declared, measured }) => `${fact} is declared ${declared}, and measured: ${measured}`,
  )
  return `DISAGREE ${notes.mark(`${scheme}: ${text.join('; ')}`)}`
}
