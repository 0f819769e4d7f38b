import type { SchemeResult } from '../result.ts'
import { count, percent, threeDigits, troubles } from '../words.ts'
import type { Columns } from './columns.ts'
import { type Html, html, nothing } from './html.ts'

/** What became of the messages, as bars: all of those sent are 100 %, copies come on top of that. */
export function deliveryBars({ all }: Columns): Html {
  const longest = Math.max(
    1,
    ...all.map(({ result: { delivery } }) => share(delivery.sent + delivery.duplicated, delivery.sent)),
  )
  const rows = all.map(
    ({
      result,
      colour,
    }) => html`<li data-scheme="${result.scheme}"><span class="name"><span class="swatch c${colour}"></span>${result.scheme}</span>
<span class="bar" aria-hidden="true">${deliveryParts(result, longest)}</span>
<span class="value">${deliveryInWords(result)}</span></li>`,
  )
  return html`<figure aria-labelledby="delivery">
<h3 id="delivery">What became of the messages</h3>
<p class="key" aria-hidden="true">${key('in-order', 'in order')}${key('reordered', 'reordered')}${key('lost', 'lost')}${key('duplicated', 'duplicated: copies, beyond those sent')}</p>
<ul class="bars">
${rows}
</ul>
</figure>`
}

/** The bytes that a message costs beyond its own; the longest bar is the largest. */
export function overheadBars({ all }: Columns, size: number): Html {
  const largest = Math.max(0, ...all.map(({ result }) => result.overhead.value ?? 0))
  const rows = all.map(({ result: { scheme, overhead }, colour }) => {
    const { value, source } = overhead
    const words =
      value === undefined
        ? `not counted: ${source}`
        : `${count(value, 'byte')}, ${percent(value, size)} of the message (${source})`
    return html`<li data-scheme="${scheme}"><span class="name"><span class="swatch c${colour}"></span>${scheme}</span>
<span class="bar" aria-hidden="true">${part('overhead', share(value ?? 0, largest), '')}</span>
<span class="value">${words}</span></li>`
  })
  return html`<figure aria-labelledby="overhead">
<h3 id="overhead">Overhead a message of ${count(size, 'byte')}</h3>
<ul class="bars">
${rows}
</ul>
</figure>`
}

function deliveryParts({ delivery }: SchemeResult, longest: number): readonly Html[] {
  const { sent, delivered, lost, duplicated, reordered } = delivery
  const parts: readonly (readonly [string, number])[] = [
    ['in-order', delivered - reordered],
    ['reordered', reordered],
    ['lost', lost],
    ['duplicated', duplicated],
  ]
  return parts.map(([name, value]) => part(name, share(value, sent) / longest, `${name}: ${threeDigits(value)}`))
}

function key(name: string, words: string): Html {
  return html`<span><span class="part ${name}"></span>${words}</span>`
}

function part(name: string, length: number, title: string): Html {
  if (length <= 0) return nothing
  return html`<span class="part ${name}" style="width:${(100 * Math.min(1, length)).toFixed(2)}%" title="${title}"></span>`
}

function deliveryInWords({ delivery }: SchemeResult): string {
  const { sent, delivered, lost } = delivery
  const all = `${threeDigits(delivered)} of ${threeDigits(sent)} delivered`
  return [all, ...troubles(delivery)].join(', ').replace(/ lost/, ` lost (${percent(lost, sent)})`)
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0
}
