import type { Agreement, Counted, SchemeResult } from '../result.ts'
import { count, milliseconds, percent, roundTrips, threeDigits } from '../words.ts'
import type { Column, Columns } from './columns.ts'
import { type Html, html, nothing } from './html.ts'

/** A row of the table: what it is called, and what a scheme has there. */
interface Row {
  readonly name: string
  readonly explanation: string
  readonly cell: (result: SchemeResult) => Html
}

const ROWS: readonly Row[] = [
  { name: 'Connection set-up', explanation: 'until a message may be sent', cell: setUp },
  { name: 'Delivery', explanation: 'of the messages sent', cell: delivery },
  {
    name: 'Retransmitted',
    explanation: 'sent again by the scheme itself',
    cell: ({ retransmitted }) => counted(retransmitted, threeDigits),
  },
  { name: 'Boundaries', explanation: 'is one write one read?', cell: boundaries },
  {
    name: 'Overhead',
    explanation: "a message, beyond its own bytes; a stream's length before it, 4 bytes, is part of it",
    cell: ({ overhead }) => counted(overhead, (value) => count(value, 'byte')),
  },
  { name: 'Latency', explanation: 'one way, of what arrived', cell: latency },
  { name: 'Suits', explanation: 'by what was measured', cell: ({ suits }) => html`<p>${suits}</p>` },
]

/** The seven rows, a column a scheme, streams and datagrams apart. */
export function resultTable({ streams, datagrams, all }: Columns): Html {
  const body = ROWS.map(
    ({ name, explanation, cell }) => html`<tr><th scope="row">${name}<small>${explanation}</small></th>
${all.map((column) => html`<td class="${groupOf(column)}">${cell(column.result)}</td>`)}</tr>`,
  )
  return html`<section aria-labelledby="results">
<h2 id="results">What was found</h2>
<div class="scroll" role="region" aria-labelledby="results" tabindex="0">
<table class="results">
<thead>
<tr><td rowspan="2"></td>${groupHead('Streams', 'bytes in order', streams)}${groupHead('Datagrams', 'messages, each on its own', datagrams)}</tr>
<tr>${all.map(schemeHead)}</tr>
</thead>
<tbody>
${body}
</tbody>
</table>
</div>
</section>`
}

function groupHead(name: string, explanation: string, columns: readonly Column[]): Html {
  const [first] = columns
  if (first === undefined) return nothing
  return html`<th scope="colgroup" colspan="${columns.length}" class="${groupOf(first)}">${name} <small>${explanation}</small></th>`
}

function schemeHead(column: Column): Html {
  const { scheme, address, engine, facts, disturbed, agreements } = column.result
  return html`<th scope="col" class="${groupOf(column)}"><span class="swatch c${column.colour}"></span>${scheme}
<small>${facts.socket}</small><small class="address">${address}</small><small>${engine} engine, disturbed by ${disturbed}</small>
${factsMark(agreements)}</th>`
}

function factsMark(agreements: readonly Agreement[]): Html {
  const disagreeing = agreements.filter(({ agrees }) => !agrees).length
  if (agreements.length === 0) return nothing
  const mark = disagreeing === 0 ? '✓ as declared' : `✗ ${count(disagreeing, 'fact')} not as declared`
  return html`<small><a href="#facts">${mark}</a></small>`
}

/** The class that sets streams and datagrams apart. */
function groupOf({ result }: Column): string {
  return result.facts.kind
}

function setUp({ setUp: { time, roundTrips: trips } }: SchemeResult): Html {
  const { value, source } = trips
  return html`<p class="number">${milliseconds(time)}</p>
<small>${value === undefined ? source : `${roundTrips(value)}: ${source}`}</small>`
}

function delivery({ delivery: { sent, delivered, lost, duplicated, reordered } }: SchemeResult): Html {
  const line = (name: string, value: number): Html =>
    html`<div><dt>${name}</dt><dd>${threeDigits(value)}</dd><dd>${percent(value, sent)}</dd></div>`
  return html`<dl class="delivery">${line('delivered', delivered)}${line('lost', lost)}${line('duplicated', duplicated)}${line('reordered', reordered)}</dl>`
}

/** A number with who counted it; without one, why nobody did. */
function counted({ value, source }: Counted, inWords: (value: number) => string): Html {
  return html`<p class="number">${value === undefined ? 'not counted' : inWords(value)}</p><small>${source}</small>`
}

function boundaries({ boundaries: { kept, writes, reads } }: SchemeResult): Html {
  if (reads === 0) return html`<p class="number">nothing arrived</p>`
  return html`<p class="number">${kept ? 'kept' : 'not kept'}</p><small>${count(writes, 'write')}, ${count(reads, 'read')}</small>`
}

function latency({ latency: { p50, p99, max }, delivery: { delivered } }: SchemeResult): Html {
  if (delivered === 0) return html`<p class="number">nothing arrived</p>`
  return html`<dl class="latency"><div><dt>p50</dt><dd>${milliseconds(p50)}</dd></div>
<div><dt>p99</dt><dd>${milliseconds(p99)}</dd></div><div><dt>max</dt><dd>${milliseconds(max)}</dd></div></dl>`
}
