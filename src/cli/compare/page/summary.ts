import type { Comparison } from '../result.ts'
import { count, linkInWords, messagesInWords, paceInWords } from '../words.ts'
import type { Columns } from './columns.ts'
import { type Html, html } from './html.ts'

/** What was measured, through which link and where, in sentences. */
export function summary(comparison: Comparison, columns: Columns): Html {
  const { messages, machine } = comparison
  return html`<header>
<h1>Streams and datagrams, compared</h1>
<p class="lead">${messagesInWords(comparison)} ${messages === 1 ? 'was' : 'were'} sent over each scheme, ${paceInWords(comparison)}.
A stream promises that all of them arrive, in order, and makes them wait for it. A datagram is a message of its own: most schemes of datagrams promise no more than that, and do not wait.</p>
<dl class="setting">
<div><dt>The link</dt><dd>${linkInWords(comparison.faults)}</dd></div>
<div><dt>Disturbed by</dt><dd>${disturberInWords(comparison)}</dd></div>
<div><dt>The machine</dt><dd>Node ${machine.node}, ${machine.system}, ${count(machine.processors, 'processor')}</dd></div>
<div><dt>Schemes</dt><dd>${columns.all.length} measured, ${columns.failed.length === 0 ? '' : `${columns.failed.length} failed, `}${columns.missing.length} could not be tried here</dd></div>
<div><dt>Facts</dt><dd>${agreementInWords(columns)}</dd></div>
</dl>
</header>`
}

function agreementInWords({ all }: Columns): string {
  const facts = all.flatMap(({ result }) => result.agreements)
  const disagreeing = facts.filter(({ agrees }) => !agrees).length
  if (facts.length === 0) return 'No declared fact was tested.'
  if (disagreeing === 0) return `All ${facts.length} declared facts that were tested agree with what was measured.`
  const verb = disagreeing === 1 ? 'disagrees' : 'disagree'
  return `${disagreeing} of ${facts.length} declared facts that were tested ${verb} with what was measured.`
}

function disturberInWords({ schemes }: Comparison): string {
  const disturbers = new Set(schemes.flatMap((scheme) => ('disturbed' in scheme ? [scheme.disturbed] : [])))
  const words = [
    ...(disturbers.has('memory faults') ? ['the faults of the memory family'] : []),
    ...(disturbers.has('netem') ? ['netem of the kernel, for tcp and udp'] : []),
    ...(disturbers.has('nothing') ? ['nothing, where the column says so'] : []),
  ]
  return words.length === 0 ? 'nothing' : words.join('; ')
}
