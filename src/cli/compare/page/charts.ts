import { milliseconds, percent } from '../words.ts'
import type { Column, Columns } from './columns.ts'
import { type Html, html, nothing } from './html.ts'

/** Where the browser's part draws, which schemes it shows, and what the charts say to those who do not see them. */
export function chartFigures(columns: Columns): Html {
  const spoken = columns.all.map(inWords)
  return html`<section aria-labelledby="charts">
<h2 id="charts">Message by message</h2>
<form class="switches" aria-label="Schemes that the charts show">
${switches('Streams', columns.streams)}
${switches('Datagrams', columns.datagrams)}
</form>
<noscript><p>The charts need JavaScript. The numbers stand in the table.</p></noscript>
<figure aria-labelledby="journeys-title">
<h3 id="journeys-title">How long each message took</h3>
<label><input type="checkbox" id="journeys-logarithmic"> logarithmic</label>
<div class="chart" id="journeys" role="img" aria-labelledby="journeys-title journeys-words"></div>
<figcaption>A stream (line) hands over nothing behind a gap: after a loss the messages behind it wait, and come all at once, which makes a saw-tooth.
Of a datagram scheme (points) only the lost message is missing: × at the top. Drag over a part to see it larger; a double click shows all again.
<details><summary>In words</summary><ul id="journeys-words">${spoken}</ul></details></figcaption>
</figure>
<figure aria-labelledby="distribution-title">
<h3 id="distribution-title">Arrived within</h3>
<label><input type="checkbox" id="distribution-logarithmic" checked> logarithmic</label>
<div class="chart" id="distribution" role="img" aria-labelledby="distribution-title journeys-words"></div>
<figcaption>The share of the messages sent that had arrived after so many milliseconds. A curve that ends below 100 % has lost the rest.</figcaption>
</figure>
</section>`
}

function switches(name: string, columns: readonly Column[]): Html {
  if (columns.length === 0) return nothing
  return html`<fieldset><legend>${name}</legend>
${columns.map(({ result: { scheme }, index, colour }) => html`<label><input type="checkbox" name="scheme" value="${index}" data-colour="${colour}" checked><span class="swatch c${colour}"></span>${scheme}</label>`)}
</fieldset>`
}

function inWords({ result: { scheme, delivery, latency } }: Column): Html {
  const arrived = `${percent(delivery.delivered, delivery.sent)} arrived`
  if (delivery.delivered === 0) return html`<li>${scheme}: ${arrived}.</li>`
  return html`<li>${scheme}: ${arrived}; half within ${milliseconds(latency.p50)}, 99 % within ${milliseconds(latency.p99)}, the slowest after ${milliseconds(latency.max)}.</li>`
}
