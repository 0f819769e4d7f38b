import type uPlot from 'uplot'
import { browser, type PageElement } from './dom.ts'

/** From the pointer, in pixels. */
const GAP = 12

/** What the tooltip says of a place on x, and of each series there. */
export interface TooltipTexts {
  title(x: number, index: number): string
  value(y: number | null): string
}

/** The numbers below the pointer, of every scheme that is shown. */
export function tooltip({ title, value }: TooltipTexts): uPlot.Plugin {
  const box = browser.document.createElement('div')
  box.className = 'tooltip'
  box.hidden = true
  return {
    hooks: {
      init(chart) {
        chart.over.append(box)
        chart.over.addEventListener('mouseleave', () => {
          box.hidden = true
        })
      },
      setCursor(chart) {
        const index = chart.cursor.idx
        const x = index == null ? undefined : chart.data[0][index]
        box.hidden = index == null || x === undefined
        if (index == null || x === undefined) return
        box.replaceChildren(line(title(x, index)))
        chart.series.forEach((series, place) => {
          if (place > 0 && series.show === true)
            box.append(schemeLine(chart, place, value(chart.data[place]?.[index] ?? null)))
        })
        moveBeside(box, chart)
      },
    },
  }
}

function line(text: string): PageElement {
  const element = browser.document.createElement('div')
  element.textContent = text
  return element
}

function schemeLine(chart: uPlot, place: number, text: string): PageElement {
  const series = chart.series[place]
  const element = line(` ${series?.label ?? ''}: ${text}`)
  const swatch = browser.document.createElement('span')
  swatch.className = `swatch ${series?.class ?? ''}`
  element.prepend(swatch)
  return element
}

/** On the side of the pointer where there is more room; where that is too little, as far as it is whole. */
function moveBeside(box: PageElement, { cursor, over }: uPlot): void {
  const pointer = cursor.left ?? 0
  const beside = pointer > over.clientWidth / 2 ? pointer - GAP - box.offsetWidth : pointer + GAP
  box.style.left = `${Math.max(0, Math.min(beside, over.clientWidth - box.offsetWidth))}px`
  box.style.top = '4px'
}
