import type { CallReport } from './run-call.ts'
import type { SideReport } from './side-report.ts'
import type { VideoReport } from './video/receive-video.ts'
import { ms, percent } from './words.ts'

/** Both calls side by side: what each row says of the undisturbed one and of the disturbed one. */
export function printReport(undisturbed: CallReport, disturbed: CallReport): string {
  const calls = [undisturbed, disturbed]
  const row = (name: string, tell: (call: CallReport) => string): string[] => [name, ...calls.map(tell)]
  return align([
    ['', 'undisturbed', 'disturbed'],
    row('processes', ({ processes }) => String(processes)),
    ['signalling (stream)'],
    row('  invited to accepted', ({ caller }) => ms(caller.setUp)),
    row('  texts, answered', ({ caller }) => `${caller.textsReceived.length} of ${caller.textsSent.length}`),
    row('  slowest answer', ({ caller }) =>
      caller.slowestAnswer === undefined ? 'none' : `after ${ms(caller.slowestAnswer)}`,
    ),
    row('  connection lost', ({ caller }) => away(caller)),
    row('  the call ended', ({ caller }) => caller.ended.kind),
    ['voice to the answerer (datagrams)'],
    ...voiceRows(({ answerer }) => answerer),
    ['voice to the caller (datagrams)'],
    ...voiceRows(({ caller }) => caller),
    ['video (stream)'],
    row('  delivered', delivered),
    row('  throughput', ({ answerer }) =>
      video(answerer, ({ throughput }) => `${(throughput / 1024).toFixed(0)} KiB/s`),
    ),
    row('  starts to play', ({ answerer }) =>
      video(answerer, ({ startUp }) => (startUp === undefined ? 'never' : `after ${ms(startUp)}`)),
    ),
    row('  stalls', ({ answerer }) => video(answerer, ({ stalls, stalledFor }) => `${stalls}, ${ms(stalledFor)}`)),
    ['the link that disturbs'],
    row('  packets', ({ link }) => (link.packets === 0 ? 'none' : String(link.packets))),
    row('  lost, sent again', ({ link }) => (link.packets === 0 ? '' : `${link.lost}, ${link.retransmitted}`)),
  ])

  function voiceRows(side: (call: CallReport) => SideReport): string[][] {
    const voice = (name: string, tell: (voice: SideReport['voice']) => string): string[] =>
      row(name, (call) => tell(side(call).voice))
    // Numbers about nothing would look as good as can be.
    const heard: typeof voice = (name, tell) =>
      voice(name, (report) => (report.mos === undefined ? 'nothing heard' : tell(report)))
    return [
      voice('  packets that came', ({ received }) => `${received.packets} of ${received.expected}`),
      heard(
        '  lost, late',
        ({ received, loss }) => `${received.lost}, ${received.late} (${percent(Number(loss.toFixed(3)))})`,
      ),
      heard('  concealed', ({ received }) => `${received.concealed} frames of 20 ms`),
      heard('  jitter', ({ jitter }) => ms(jitter)),
      voice('  round trip', ({ roundTrip }) => (roundTrip === undefined ? 'not known' : ms(roundTrip))),
      heard('  mouth to ear', ({ delay, bufferDelay }) => `${ms(delay)}, of it ${ms(bufferDelay)} jitter buffer`),
      heard('  R, MOS (G.107)', ({ rating, mos }) => `${rating?.toFixed(1)}, ${mos?.toFixed(2)}`),
    ]
  }
}

function away({ interruptions, away }: SideReport): string {
  return interruptions === 0 ? 'never' : `${interruptions} time(s), for ${(away / 1000).toFixed(1)} s`
}

function delivered({ caller, answerer }: CallReport): string {
  const { video } = answerer
  if (video === undefined) return ['nothing', answerer.videoProblem ?? caller.videoProblem].filter(Boolean).join(': ')
  if (video.bytes < video.size) return `${video.bytes} of ${video.size} bytes`
  return `${video.bytes} bytes, SHA-256 ${video.whole ? 'equal' : 'NOT EQUAL'}`
}

function video({ video }: SideReport, tell: (video: VideoReport) => string): string {
  return video === undefined ? '-' : tell(video)
}

/** Columns two spaces apart, a rule below the head. A row of one cell is a heading. */
function align(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.filter((row) => row.length > 1).map((row) => row[column]?.length ?? 0)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}
