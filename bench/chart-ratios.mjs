// The chart of the whole table: our ratio to the peer, row by row, with its spread and its target; beside it our share of C.
import { origin, renderSvg, style } from './chart.mjs'
import { short } from './print.mjs'

const { colors, text } = style
const ROW_HEIGHT = 26
const WIDTH = 980
const [TOP, BOTTOM] = [84, 56]
const RATIOS = { left: 320, width: 462 }
const SHARES = { left: 834, width: 96 }

export function drawRatios(all) {
  const rows = all.results.filter(({ ratio }) => ratio !== undefined)
  const height = rows.length * ROW_HEIGHT
  const names = rows.map(
    ({ id, text: name, atMost }) =>
      `${name}${atMost === undefined ? '' : ' (less is better)'}  {id|${id.split(' ')[0]}}`,
  )
  const [lowest, highest] = bounds(rows)
  const powers = powersOfTwo(lowest, highest)
  const option = {
    title: [
      {
        text: 'polysocket against what Node has',
        left: 20,
        top: 14,
        textStyle: { ...text, fontSize: 17, fontWeight: 'bold' },
      },
      {
        text: 'ratio to the peer in the same run, median and spread',
        left: RATIOS.left,
        top: 48,
        textStyle: { ...text, fontWeight: 'normal' },
      },
      { text: 'share of plain C', left: SHARES.left, top: 48, textStyle: { ...text, fontWeight: 'normal' } },
      {
        text: origin(all),
        left: 20,
        bottom: 10,
        textStyle: { ...text, fontSize: 11, fontWeight: 'normal', color: colors.reference },
      },
    ],
    grid: [RATIOS, SHARES].map((place) => ({ ...place, top: TOP, height })),
    xAxis: [
      {
        type: 'log',
        logBase: 2,
        min: lowest,
        max: highest,
        gridIndex: 0,
        axisLabel: { customValues: powers, formatter: (value) => (value < 1 ? `1/${1 / value}` : `${value}×`) },
        axisTick: { customValues: powers },
        splitLine: { lineStyle: { color: colors.faint } },
      },
      {
        type: 'value',
        min: 0,
        max: 1,
        interval: 0.5,
        gridIndex: 1,
        axisLabel: { formatter: (value) => `${100 * value} %` },
        splitLine: { lineStyle: { color: colors.faint } },
      },
    ],
    yAxis: [0, 1].map((gridIndex) => ({
      type: 'category',
      inverse: true,
      gridIndex,
      data: names,
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: {
        show: gridIndex === 0,
        color: text.color,
        rich: { id: { color: colors.reference, width: 26, align: 'right' } },
      },
    })),
    graphic: legend(),
    series: [ratioSeries(rows), shareSeries(rows)],
  }
  return renderSvg(option, { width: WIDTH, height: TOP + height + BOTTOM })
}

/** Powers of two around all that is drawn. */
function bounds(rows) {
  const drawn = rows.flatMap(({ ratio, atLeast, atMost }) => [ratio.lowest, ratio.highest, atLeast ?? atMost, 0.5, 2])
  return [2 ** Math.floor(Math.log2(Math.min(...drawn))), 2 ** Math.ceil(Math.log2(Math.max(...drawn)))]
}

/** At most eight or so, so that there is room for their names. */
function powersOfTwo(lowest, highest) {
  const step = Math.log2(highest / lowest) > 8 ? 4 : 2
  const powers = [1]
  while (powers[0] / step >= lowest) powers.unshift(powers[0] / step)
  while (powers.at(-1) * step <= highest) powers.push(powers.at(-1) * step)
  return powers
}

const line = (x1, y1, x2, y2, stroke, lineWidth) => ({
  type: 'line',
  shape: { x1, y1, x2, y2 },
  style: { stroke, lineWidth },
})
const bar = (from, to, y, fill) => ({
  type: 'rect',
  shape: { x: Math.min(from, to), y: y - 7, width: Math.max(1, Math.abs(to - from)), height: 14 },
  style: { fill },
})
const label = (words, x, y) => ({
  type: 'text',
  x,
  y,
  style: { text: words, font: '12px sans-serif', fill: text.color, verticalAlign: 'middle' },
})

/** What colours and marks mean, above the shares. */
function legend() {
  const y = 24
  const [met, missed, target] = [560, 690, 790]
  return [
    bar(met, met + 14, y, colors.ours),
    label('target met', met + 20, y),
    bar(missed, missed + 14, y, colors.missed),
    label('missed', missed + 20, y),
    line(target, y - 10, target, y + 10, colors.rule, 2.5),
    label('target', target + 8, y),
  ]
}

/** Bars begin at 1, where there is no difference; to the left of it we are slower. */
const ratioSeries = (rows) => ({
  type: 'custom',
  silent: true,
  xAxisIndex: 0,
  yAxisIndex: 0,
  data: rows.map(({ ratio }, row) => [ratio.median, row]),
  renderItem(_, api) {
    const { ratio, atLeast, atMost, isMet } = rows[api.value(1)]
    const at = (value) => api.coord([value, api.value(1)])
    const [one, y] = at(1)
    const [lowest, middle, highest, target] = [ratio.lowest, ratio.median, ratio.highest, atLeast ?? atMost].map(
      (value) => at(value)[0],
    )
    return {
      type: 'group',
      children: [
        bar(one, middle, y, isMet ? colors.ours : colors.missed),
        line(one, y - ROW_HEIGHT / 2, one, y + ROW_HEIGHT / 2, colors.rule, 1),
        line(lowest, y, highest, y, colors.rule, 1.2),
        line(lowest, y - 3, lowest, y + 3, colors.rule, 1.2),
        line(highest, y - 3, highest, y + 3, colors.rule, 1.2),
        line(target, y - 10, target, y + 10, colors.rule, 2.5),
        label(`${short(ratio.median)}×`, Math.max(one, highest, target) + 7, y),
      ],
    }
  },
})

const shareSeries = (rows) => ({
  type: 'custom',
  silent: true,
  xAxisIndex: 1,
  yAxisIndex: 1,
  data: rows.flatMap(({ share }, row) => (share === undefined ? [] : [[share.median, row]])),
  renderItem(_, api) {
    const { share, limit } = rows[api.value(1)]
    const at = (value) => api.coord([Math.min(value, 1), api.value(1)])
    const [zero, y] = at(0)
    const [end] = at(share.median)
    const target = limit === undefined ? zero : at(limit)[0]
    const mark = limit === undefined ? [] : [line(target, y - 10, target, y + 10, colors.rule, 2.5)]
    const words = label(`${Math.round(share.median * 100)} %`, Math.max(end, target) + 6, y)
    return { type: 'group', children: [bar(zero, end, y, colors.reference), ...mark, words] }
  },
})
