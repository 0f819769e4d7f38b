import * as echarts from 'echarts'

/** What the charts have in common: readable on a light page and on a dark one, in whatever font the reader's machine has. */
export const style = {
  colors: {
    ours: '#0f766e',
    peer: '#b45309',
    reference: '#64748b',
    missed: '#dc7a1c',
    rule: '#334155',
    faint: '#e2e8f0',
  },
  text: { fontFamily: 'sans-serif', color: '#1e293b', fontSize: 12 },
}

/** An SVG of what ECharts makes of an option; https://echarts.apache.org/en/option.html. */
export function renderSvg(option, { width, height }) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, backgroundColor: '#ffffff', textStyle: style.text, ...option })
  const svg = chart.renderToSVGString()
  // Its timers would keep the process alive.
  chart.dispose()
  return `${svg}\n`
}

/** Where and when, for below a chart. */
export const origin = ({ date, node, cpu, cores, kernel }) =>
  `${date.slice(0, 10)}, Node ${node}, Linux ${kernel}, ${cores} cores of ${cpu}`
