import type { Columns } from './columns.ts'
import { type Html, html, nothing } from './html.ts'

/** Each fact that a family declares, beside what was measured. */
export function factsTable({ all }: Columns): Html {
  const rows = all.flatMap(({ result: { scheme, agreements }, colour }) =>
    agreements.map(({ fact, declared, measured, agrees }) => {
      const verdict = agrees ? '✓ agrees' : `✗ disagrees: declared ${declared}, measured ${measured}`
      return html`<tr class="${agrees ? 'agrees' : 'disagrees'}"><th scope="row"><span class="swatch c${colour}"></span>${scheme}</th>
<td>${fact}</td><td>${declared}</td><td>${measured}</td><td>${verdict}</td></tr>`
    }),
  )
  if (rows.length === 0) return nothing
  return html`<section aria-labelledby="facts">
<h2 id="facts">What is declared, and what was measured</h2>
<p>A family declares the facts of its schemes. This is what they were found to be.</p>
<div class="scroll" role="region" aria-labelledby="facts" tabindex="0">
<table class="facts">
<thead><tr><th scope="col">scheme</th><th scope="col">fact</th><th scope="col">declared</th><th scope="col">measured</th><th scope="col">verdict</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
</div>
</section>`
}

/** The schemes that could not be tried, with what would help. */
export function missingList({ missing }: Columns): Html {
  if (missing.length === 0) return nothing
  return html`<section aria-labelledby="missing">
<h2 id="missing">What could not be tried here</h2>
<ul class="missing">
${missing.map(({ scheme, reason, remedy }) => html`<li><b>${scheme}</b>: ${reason}. <span>What helps: ${remedy}.</span></li>`)}
</ul>
</section>`
}
