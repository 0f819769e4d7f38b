// The table that the terminal shows.

const MET = '✓'
const MISSED = '✗'

const mark = (isMet) => (isMet ? MET : MISSED)

/** Three digits that mean something. */
export function short(number) {
  if (number === undefined) return '-'
  if (number >= 100) return number.toFixed(0)
  if (number >= 10) return number.toFixed(1)
  return number.toFixed(number < 0.1 ? 3 : 2)
}

const between = (ours, peer) => (ours === undefined || peer === undefined ? '-' : `${short(ours)} / ${short(peer)}`)

function targetCell({ atLeast, atMost, isMet }) {
  if (atLeast === undefined && atMost === undefined) return '-'
  return `${atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`} ${mark(isMet)}`
}

function p99Cell({ ours, peer, p99AtMostPeers = false }) {
  const numbers = between(ours.p99, peer.p99)
  return p99AtMostPeers ? `${numbers} ${mark(ours.p99 <= peer.p99)}` : numbers
}

const HEAD = [
  'row',
  'workload',
  'ours',
  'peer',
  'unit',
  'ratio (lowest–highest)',
  'target',
  'of C',
  'CPU µs',
  'p99 ms',
  'peer is',
]

function cells(row) {
  const { id, text, ours, peer, unit, ratio, share, peerName } = row
  if (ours === undefined) return [id, text]
  return [
    id,
    text,
    short(ours.rate.median),
    short(peer.rate.median),
    unit.name,
    `${short(ratio.median)} (${short(ratio.lowest)}–${short(ratio.highest)})`,
    targetCell(row),
    share === undefined
      ? '-'
      : `${short(share.median)}${row.limit === undefined ? '' : ` ≥ ${row.limit} ${mark(row.isWithinLimit)}`}`,
    ours.cpu === undefined ? '-' : `${between(ours.cpu, peer.cpu)} a ${row.cost.name}`,
    p99Cell(row),
    peerName,
  ]
}

/** Lines, the columns of which stand under each other. */
export function align(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)))
  return table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  )
}

export function tableText(results) {
  const hasCost = results.some(({ ours }) => ours?.cpu !== undefined)
  return [...align([HEAD, ...results.map(cells)]), ...(hasCost ? [costText(results)] : [])].join('\n')
}

/** Whose time the processor's time is. */
function costText(results) {
  const alone = new Map()
  for (const { id, of } of results) if (of !== undefined) alone.set(of[0], [...(alone.get(of[0]) ?? []), id])
  const exceptions = [...alone].map(([part, ids]) => `; of the ${part} alone in ${ids.join(', ')}`)
  return `CPU: of client and server together${exceptions.join('')}`
}

/** What arrived of what was sent, over all rounds, for the rows in which messages may be lost. */
export function lossText(results) {
  const lines = results
    .filter(({ ours }) => ours?.loss !== undefined)
    .flatMap(({ id, ...sides }) =>
      ['ours', 'peer'].map((name) => {
        const { sent, received, dropped } = sides[name].loss
        const share = `${((100 * (sent - received)) / sent).toFixed(1)} %`
        return [id, name, ...[sent, received, dropped].map((count) => count.toLocaleString('en')), share]
      }),
    )
  if (lines.length === 0) return ''
  const table = align([['loss', '', 'sent', 'received', 'dropped by the kernel', 'lost'], ...lines])
  return [
    ...table,
    'The kernel counts messages that passed through it as one (UDP_SEGMENT) once when it drops them.',
  ].join('\n')
}

/** Why rows have no numbers. */
export const missingText = (results) =>
  results
    .filter(({ ours }) => ours === undefined)
    .map(({ id, skipped, failed }) => `${id} was not measured: ${skipped ?? failed}`)
    .join('\n')
