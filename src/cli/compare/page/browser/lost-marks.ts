import type uPlot from 'uplot'
import { browser } from './dom.ts'

const ROW = 10
const ARM = 3

/** The marks of one scheme: its series, and the message numbers that are missing. */
export interface Lost {
  readonly series: number
  readonly messages: readonly number[]
  readonly colour: () => string
}

/** How much room the marks need above the chart, in CSS pixels. */
export function roomForLost(lost: readonly Lost[]): number {
  return lost.length * ROW + ROW
}

/** A row of × above the chart for each scheme that has lost messages, at the numbers of those. */
export function lostMarks(lost: readonly Lost[]): uPlot.Plugin {
  return {
    hooks: {
      draw(chart) {
        lost.forEach((scheme, row) => {
          if (chart.series[scheme.series]?.show === true) drawRow(chart, scheme, row)
        })
      },
    },
  }
}

function drawRow(chart: uPlot, { messages, colour }: Lost, row: number): void {
  const { ctx, bbox } = chart
  const pixel = browser.devicePixelRatio
  const y = bbox.top - (row + 1) * ROW * pixel
  const arm = ARM * pixel
  ctx.save()
  ctx.strokeStyle = colour()
  ctx.lineWidth = 1.5 * pixel
  ctx.beginPath()
  for (const message of messages) {
    const x = chart.valToPos(message, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.moveTo(x - arm, y - arm)
    ctx.lineTo(x + arm, y + arm)
    ctx.moveTo(x - arm, y + arm)
    ctx.lineTo(x + arm, y - arm)
  }
  ctx.stroke()
  ctx.restore()
}
