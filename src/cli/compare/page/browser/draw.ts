import type uPlotModule from 'uplot'
import type { Comparison, SchemeResult } from '../../result.ts'
import { type Curves, distributionCurves, journeyCurves, SHORTEST } from './curves.ts'
import { browser, type PageElement } from './dom.ts'
import { type Lost, lostMarks, roomForLost } from './lost-marks.ts'
import { tooltip } from './tooltip.ts'

// This runs in the page, after uPlot's own script, which leaves one global name.
const { uPlot } = globalThis as unknown as { uPlot: typeof uPlotModule }

const FONT = '12px system-ui, sans-serif'
const HEIGHT = 340
const MOST_DIGITS = 3

/** A scheme together with the box that switches it on and off. */
interface Shown {
  readonly result: SchemeResult
  readonly box: PageElement
  /** The class of its swatches, and with `--` before it the name of its colour. */
  readonly colour: string
}

/** What one chart shows, by the scale of milliseconds that is chosen. */
type Describe = (
  logarithmic: boolean,
) => Pick<uPlotModule.Options, 'scales' | 'axes' | 'plugins' | 'series' | 'padding'>

const comparison = JSON.parse(byId('comparison').textContent ?? '') as Comparison
const shown = Array.from(
  browser.document.querySelectorAll('input[name=scheme]'),
  (box): Shown => ({
    result: comparison.schemes[Number(box.value)] as SchemeResult,
    box,
    colour: `c${box.dataset.colour ?? ''}`,
  }),
)
const journeys = shown.map(({ result }) => result.journeys)

drawChart('journeys', journeyCurves(journeys), describeJourneys)
drawChart('distribution', distributionCurves(journeys), describeDistribution)

function describeJourneys(logarithmic: boolean): ReturnType<Describe> {
  const lost = shown.flatMap(lostOf)
  return {
    padding: [roomForLost(lost), null, null, null],
    scales: { x: { time: false }, y: millisecondScale(logarithmic) },
    axes: [axis('message'), { ...axis('milliseconds'), size: 56 }],
    series: [{}, ...shown.map((scheme) => ({ ...seriesOf(scheme), ...(isStream(scheme) ? {} : points(scheme)) }))],
    plugins: [
      lostMarks(lost),
      tooltip({
        title: (message) => `message ${message}`,
        value: (latency) => (latency === null ? 'did not arrive' : milliseconds(latency)),
      }),
    ],
  }
}

function describeDistribution(logarithmic: boolean): ReturnType<Describe> {
  const stepped = uPlot.paths.stepped?.({ align: 1 })
  return {
    padding: [null, 16, null, null],
    scales: { x: { time: false, ...millisecondScale(logarithmic) }, y: { range: [0, 102] } },
    axes: [
      { ...axis('milliseconds'), ...(logarithmic ? { space: 40 } : {}) },
      { ...axis('messages sent'), size: 56, values: (_, shares) => shares.map((share) => `${share} %`) },
    ],
    series: [
      {},
      ...shown.map((scheme) => ({
        ...seriesOf(scheme),
        ...(stepped === undefined ? {} : { paths: stepped }),
        points: { show: false },
        ...(isStream(scheme) ? {} : { dash: [6, 3] }),
      })),
    ],
    plugins: [
      tooltip({
        title: (time) => `within ${milliseconds(time)}`,
        value: (share) => (share === null ? 'nothing was sent' : `${threeDigits(share)} %`),
      }),
    ],
  }
}

/** Draws it, and again when the scale changes; follows the page's width, its colours and the boxes. */
function drawChart(id: string, curves: Curves, describe: Describe): void {
  const place = byId(id)
  const scale = byId(`${id}-logarithmic`)
  const draw = (): uPlotModule => {
    const { series, ...rest } = describe(scale.checked)
    const size = { width: place.clientWidth, height: HEIGHT }
    const options = { ...size, ...rest, series, legend: { show: false }, cursor: { y: false } }
    const drawn = new uPlot(options, curves, place)
    shown.forEach(({ box }, index) => {
      if (!box.checked) drawn.setSeries(index + 1, { show: false })
    })
    return drawn
  }
  let chart = draw()
  scale.addEventListener('change', () => {
    chart.destroy()
    chart = draw()
  })
  shown.forEach(({ box }, index) => {
    box.addEventListener('change', () => chart.setSeries(index + 1, { show: box.checked }))
  })
  new browser.ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place)
  browser.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.redraw())
}

function seriesOf(scheme: Shown): uPlotModule.Series {
  return { label: scheme.result.scheme, class: scheme.colour, stroke: () => colour(scheme.colour), width: 1.5 }
}

/** Datagrams have nothing to do with each other: no line joins them. */
function points(scheme: Shown): Partial<uPlotModule.Series> {
  return { paths: () => null, points: { show: true, size: 5, width: 0, fill: () => colour(scheme.colour) } }
}

function lostOf(scheme: Shown, index: number): Lost[] {
  const messages = scheme.result.journeys.flatMap(({ arrived }, place) => (arrived === undefined ? [place + 1] : []))
  return messages.length === 0 ? [] : [{ series: index + 1, messages, colour: () => colour(scheme.colour) }]
}

function isStream({ result }: Shown): boolean {
  return result.facts.kind === 'stream'
}

function millisecondScale(logarithmic: boolean): uPlotModule.Scale {
  if (logarithmic) return { distr: 3 }
  // Where nothing has arrived there is no largest one.
  return { range: (_, __, largest) => [0, largest == null ? 1 : Math.max(SHORTEST, largest * 1.05)] }
}

function axis(label: string): uPlotModule.Axis {
  const line = (): string => colour('line')
  return {
    label,
    font: FONT,
    labelFont: FONT,
    labelSize: 20,
    stroke: () => colour('soft'),
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
  }
}

/** As it is now: the style sheet has others for the dark. */
function colour(name: string): string {
  return browser.getComputedStyle(browser.document.documentElement).getPropertyValue(`--${name}`).trim()
}

function milliseconds(value: number): string {
  return `${threeDigits(value)} ms`
}

function threeDigits(value: number): string {
  return value.toLocaleString('en-GB', { maximumSignificantDigits: MOST_DIGITS })
}

function byId(id: string): PageElement {
  const element = browser.document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return element
}
