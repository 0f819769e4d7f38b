import { readAssets } from './page/assets.ts'
import { deliveryBars, overheadBars } from './page/bars.ts'
import { chartFigures } from './page/charts.ts'
import { columnsOf } from './page/columns.ts'
import { factsTable, missingLists } from './page/facts.ts'
import { html, jsonInScript, scriptInPage, styleInPage } from './page/html.ts'
import { STYLE } from './page/style.ts'
import { summary } from './page/summary.ts'
import { resultTable } from './page/table.ts'
import type { Comparison } from './result.ts'

/** Forbids whatever is not in the page itself, so that opening it tells nobody. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' data:; img-src data:"

/** The comparison as one HTML file for people: it needs no other file, and no network. */
export async function comparisonPage(comparison: Comparison): Promise<string> {
  const { uPlot, uPlotStyle, draw } = await readAssets()
  const columns = columnsOf(comparison)
  const names = columns.all.map(({ result }) => result.scheme).join(', ')
  const measured = html`${resultTable(columns)}
${chartFigures(columns)}
<section aria-labelledby="bars">
<h2 id="bars">Delivery and overhead</h2>
<div class="pair">
${deliveryBars(columns)}
${overheadBars(columns, comparison.size)}
</div>
</section>
<script type="application/json" id="comparison">${jsonInScript(comparison)}</script>
<script>${scriptInPage(uPlot)}</script>
<script type="module">${scriptInPage(draw)}</script>`
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>polysocket compare: ${names === '' ? 'no scheme could be measured' : names}</title>
<link rel="icon" href="data:,">
<style>${styleInPage(uPlotStyle)}${styleInPage(STYLE)}</style>
</head>
<body>
${summary(comparison, columns)}
<main>
${columns.all.length === 0 ? html`<p>No scheme could be measured.</p>` : measured}
${factsTable(columns)}
${missingLists(columns)}
</main>
<footer>Reordered: arrived after a message that was sent later (RFC 4737). Made by <code>polysocket compare --html</code>; the numbers are in this file as JSON, too.</footer>
</body>
</html>
`
  return page.html
}
