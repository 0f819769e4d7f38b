// Small multiples: how the cost of ours and of the peer grows.
import { origin, renderSvg, style } from './chart.mjs'

const { colors, text } = style
const WIDTH = 980
const [PANEL_WIDTH, PANEL_HEIGHT] = [380, 190]
const [COLUMN, ROW] = [490, 280]
const [LEFT, TOP] = [76, 110]

const rate = (side) => side.rate.median
const p99 = (side) => side.p99
const connections = 'connections'

const panels = [
  { title: 'unix echo, thousand round trips a second', series: 'unix echo', value: rate, axis: connections },
  { title: 'tcp echo, thousand round trips a second', series: 'tcp echo', value: rate, axis: connections },
  { title: 'unix echo, 99th percentile in ms', series: 'unix echo', value: p99, axis: connections, isLog: true },
  { title: 'tcp echo, 99th percentile in ms', series: 'tcp echo', value: p99, axis: connections, isLog: true },
  { title: 'memory of an idle tcp connection, KiB', series: 'memory', value: rate, axis: connections },
  {
    title: 'udp one way, thousand messages a second',
    series: 'udp',
    value: rate,
    axis: 'bytes a message',
    isLog: true,
  },
]
const lines = [
  { side: 'ours', name: 'polysocket', color: colors.ours, symbol: 'circle' },
  { side: 'peer', name: 'Node’s own', color: colors.peer, symbol: 'rect' },
  { side: 'reference', name: 'C', color: colors.reference, symbol: 'diamond' },
]

export function drawGrowth(all) {
  const measured = all.results.filter(({ ours }) => ours !== undefined)
  const places = panels.map((_, at) => ({ left: LEFT + (at % 2) * COLUMN, top: TOP + Math.floor(at / 2) * ROW }))
  const height = TOP + Math.ceil(panels.length / 2) * ROW
  const plain = { ...text, fontWeight: 'normal' }
  const option = {
    title: [
      { text: 'How cost grows', left: 20, top: 14, textStyle: { ...text, fontSize: 17, fontWeight: 'bold' } },
      ...panels.map(({ title }, at) => ({
        text: title,
        left: places[at].left,
        top: places[at].top - 30,
        textStyle: plain,
      })),
      { text: origin(all), left: 20, bottom: 10, textStyle: { ...plain, fontSize: 11, color: colors.reference } },
    ],
    legend: {
      top: 44,
      left: 20,
      itemGap: 28,
      selectedMode: false,
      data: lines.map(({ name }) => name),
      textStyle: text,
    },
    grid: places.map((place) => ({ ...place, width: PANEL_WIDTH, height: PANEL_HEIGHT })),
    xAxis: panels.map(({ axis }, gridIndex) => ({
      type: 'log',
      gridIndex,
      name: axis,
      nameLocation: 'middle',
      nameGap: 26,
      axisLabel: { formatter: (value) => value.toLocaleString('en') },
      splitLine: { show: false },
    })),
    yAxis: panels.map(({ isLog = false }, gridIndex) => ({
      type: isLog ? 'log' : 'value',
      gridIndex,
      axisLabel: { formatter: (value) => value.toLocaleString('en') },
      splitLine: { lineStyle: { color: colors.faint } },
    })),
    series: panels.flatMap(({ series, value }, at) =>
      lines.map(({ side, name, color, symbol }) => ({
        type: 'line',
        silent: true,
        name,
        xAxisIndex: at,
        yAxisIndex: at,
        symbol,
        symbolSize: 7,
        itemStyle: { color },
        lineStyle: { color, width: 2 },
        data: measured
          .filter((row) => row.series === series && row[side] !== undefined)
          .map((row) => [row.size, value(row[side])]),
      })),
    ),
  }
  return renderSvg(option, { width: WIDTH, height })
}
