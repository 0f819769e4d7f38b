import type { Missing } from '../result.ts'
import type { Column, Columns } from './columns.ts'
import { type Html, html, nothing } from './html.ts'

/** Each fact that a family declares, beside what was measured. */
export function factsTable({ all }: Columns): Html {
  if (all.length === 0) return nothing
  return html`<section aria-labelledby="facts">
<h2 id="facts">What is declared, and what was measured</h2>
<p>A family declares the facts of its schemes. This is what they were found to be.</p>
<div class="scroll" role="region" aria-labelledby="facts" tabindex="0">
<table class="facts">
<thead><tr><th scope="col">scheme</th><th scope="col">fact</th><th scope="col">declared</th><th scope="col">measured</th><th scope="col">verdict</th></tr></thead>
${all.map(factsOfScheme)}
</table>
</div>
</section>`
}

/** A group of rows under one head: the scheme is said once. */
function factsOfScheme({ result: { scheme, agreements }, colour }: Column): Html {
  const head = html`<th scope="rowgroup" rowspan="${agreements.length}"><span class="swatch c${colour}"></span>${scheme}</th>`
  const rows = agreements.map(({ fact, declared, measured, agrees }, index) => {
    const verdict = agrees ? '✓ agrees' : `✗ disagrees: declared ${declared}, measured ${measured}`
    return html`<tr class="${agrees ? 'agrees' : 'disagrees'}">${index === 0 ? head : nothing}
<td>${fact}</td><td>${declared}</td><td>${measured}</td><td>${verdict}</td></tr>`
  })
  return html`<tbody>
${rows}
</tbody>`
}

/** The schemes that have no numbers, why, and what would help. */
export function missingLists({ failed, missing }: Columns): Html {
  return html`${list('failed', 'What broke down', failed)}${list('missing', 'What could not be tried here', missing)}`
}

function list(id: string, title: string, schemes: readonly Missing[]): Html {
  if (schemes.length === 0) return nothing
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
<ul class="missing">
${schemes.map(({ scheme, reason, remedy }) => html`<li><b>${scheme}</b>: ${reason}. <span>What helps: ${remedy}.</span></li>`)}
</ul>
</section>`
}
