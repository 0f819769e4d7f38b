import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Comparison } from '../../src/cli/compare/result.ts'
import { given, need } from '../support/need.ts'
import { result, sampleComparison } from './comparison-sample.ts'
import { commandLine } from './support.ts'

const CHROMIUM = '/usr/bin/chromium'
const browserHere = need(existsSync(CHROMIUM), `there is no ${CHROMIUM} here`, 'apt-get install chromium')
const inBrowser = given(browserHere)

const { cli, compiled, path } = commandLine()
let comparisonPage: (comparison: Comparison) => Promise<string>
let browser: Browser | undefined
beforeAll(async () => {
  ;({ comparisonPage } = await import(compiled('compare/page.js')))
  if (browserHere.met) browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
}, 120_000)
afterAll(() => browser?.close())

interface Opened extends AsyncDisposable {
  readonly page: Page
  /** What the page complained of, and what it asked for. */
  readonly complaints: string[]
  readonly requests: string[]
  readonly address: string
}

async function open(comparison: Comparison, options: BrowserContextOptions = {}): Promise<Opened> {
  const file = `${path()}.html`
  await writeFile(file, await comparisonPage(comparison))
  return openFile(file, options)
}

async function openFile(file: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await (browser as Browser).newContext({ viewport: { width: 1200, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    // That is about these tests, which count pixels.
    if (!message.text().includes('willReadFrequently')) complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  const address = pathToFileURL(file).href
  await page.goto(address)
  return { page, complaints, requests, address, [Symbol.asyncDispose]: () => context.close() }
}

/** Charts are drawn when the browser gets to it, which on a busy machine may be late. */
function eventually<T>(read: () => T | Promise<T>): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { timeout: 20_000 })
}

/** How many pixels of a chart have the colour of that name in the style sheet, or nearly so. */
function pixels(page: Page, chart: string, colour: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('#${chart} canvas')
    const hex = getComputedStyle(document.documentElement).getPropertyValue('--${colour}').trim().slice(1)
    const wanted = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16))
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    let found = 0
    for (let at = 0; at < data.length; at += 4)
      if (data[at + 3] > 200 && wanted.every((part, place) => Math.abs(data[at + place] - part) < 20)) found++
    return found
  })()`)
}

/** Of each of the sample's four schemes, whether a chart shows it. */
async function shownIn(page: Page, chart: string): Promise<boolean[]> {
  const counts = await Promise.all(['c0', 'c1', 'c2', 'c3'].map((colour) => pixels(page, chart, colour)))
  return counts.map((found) => found > 10)
}

/** The two schemes that nothing disturbs lie on each other beside the others' latencies, but not on a logarithmic scale. */
async function showSmallLatencies(page: Page): Promise<void> {
  await page.locator('#journeys-logarithmic').check()
}

const ALL = [true, true, true, true]

describe('the page in a browser', () => {
  inBrowser('is what the command writes of real measurements', async () => {
    const file = `${path()}.html`
    const schemes = ['memory', 'memorygram', 'tcp', 'udp']
    const { code, stderr } = await cli('compare', ...schemes, '--messages', '50', '--html', file).end().done
    expect({ code, stderr }).toMatchObject({ code: 0 })
    await using opened = await openFile(file)
    await eventually(() => shownIn(opened.page, 'journeys')).toContain(true)
    for (const scheme of schemes) expect(await opened.page.locator('table').first().innerText()).toContain(scheme)
    expect(opened.complaints).toEqual([])
    expect(opened.requests).toEqual([opened.address])
  })

  inBrowser('draws every scheme in both charts, without a complaint and without a request', async () => {
    await using opened = await open(sampleComparison())
    const { page, complaints, requests, address } = opened
    await showSmallLatencies(page)
    await eventually(() => shownIn(page, 'journeys')).toEqual(ALL)
    await eventually(() => shownIn(page, 'distribution')).toEqual(ALL)
    expect(complaints).toEqual([])
    expect(requests).toEqual([address])
  })

  inBrowser('switches a scheme off and on again, in both charts', async () => {
    await using opened = await open(sampleComparison())
    const { page } = opened
    await showSmallLatencies(page)
    const box = page.getByLabel('memorygram', { exact: true })
    await box.uncheck()
    for (const chart of ['journeys', 'distribution'])
      await eventually(() => shownIn(page, chart)).toEqual([true, true, false, true])
    // A chart that is drawn anew, since its scale changed, keeps to it.
    await page.locator('#journeys-logarithmic').uncheck()
    await eventually(async () => (await shownIn(page, 'journeys'))[0]).toBe(true)
    expect((await shownIn(page, 'journeys'))[2]).toBe(false)
    await showSmallLatencies(page)
    await box.check()
    for (const chart of ['journeys', 'distribution']) await eventually(() => shownIn(page, chart)).toEqual(ALL)
  })

  inBrowser('marks lost messages above the chart, and tells the numbers below the pointer', async () => {
    const journeys = [1, 2, 3].map((number) => ({ sent: number, arrived: number === 2 ? undefined : number + 4 }))
    await using opened = await open({ ...sampleComparison(), schemes: [result('memorygram', journeys)] })
    const { page } = opened
    const over = page.locator('#journeys .u-over')
    const { width, height } = (await over.boundingBox()) ?? { width: 0, height: 0 }
    const tooltip = page.locator('#journeys .tooltip')
    await over.hover({ position: { x: width / 2, y: height / 2 } })
    await eventually(() => tooltip.innerText()).toMatch(/message 2\s+memorygram: did not arrive/)
    await over.hover({ position: { x: width - 2, y: height / 2 } })
    await eventually(() => tooltip.innerText()).toMatch(/message 3\s+memorygram: 4 ms/)
    const aboveTheChart = `(() => {
      const canvas = document.querySelector('#journeys canvas')
      const over = document.querySelector('#journeys .u-over')
      const context = canvas.getContext('2d')
      // Without the numbers of the axis on the left, the uppermost of which may stick out.
      const { data } = context.getImageData(over.offsetLeft, 0, over.offsetWidth, over.offsetTop - 3)
      return data.some((value, at) => at % 4 === 3 && value > 200)
    })()`
    expect(await page.evaluate(aboveTheChart)).toBe(true)
    await page.getByLabel('memorygram', { exact: true }).uncheck()
    await eventually(() => page.evaluate(aboveTheChart)).toBe(false)
  })

  inBrowser('has the values in a real table', async () => {
    await using opened = await open(sampleComparison())
    const cells = opened.page.getByRole('row', { name: /^Delivery/ }).getByRole('cell')
    expect(await cells.count()).toBe(4)
    expect(await cells.nth(2).innerText()).toMatch(/delivered\s+287\s+95.7 %\s+lost\s+13\s+4.33 %/)
    expect(await opened.page.getByRole('columnheader', { name: /^memorygram/ }).count()).toBe(1)
    expect(await opened.page.getByRole('img', { name: /How long each message took.*95.7 % arrived/ }).count()).toBe(1)
  })

  inBrowser('fits on a narrow screen, and follows when the screen is turned', async () => {
    await using opened = await open(sampleComparison(), { viewport: { width: 320, height: 700 } })
    const { page } = opened
    const widths = `[document.documentElement.scrollWidth, document.querySelector('#journeys .uplot').offsetWidth]`
    await eventually(() => page.evaluate(`document.querySelectorAll('canvas').length`)).toBe(2)
    const [narrow, narrowChart] = (await page.evaluate(widths)) as [number, number]
    expect(narrow).toBe(320)
    expect(narrowChart).toBeLessThanOrEqual(320)
    await page.setViewportSize({ width: 700, height: 320 })
    await eventually(async () => ((await page.evaluate(widths)) as [number, number])[1]).toBeGreaterThan(600)
    expect(((await page.evaluate(widths)) as [number, number])[0]).toBe(700)
  })

  inBrowser('shows the numbers below the pointer whole on a narrow screen, wherever the pointer is', async () => {
    await using opened = await open(sampleComparison(), { viewport: { width: 320, height: 700 } })
    const { page } = opened
    const over = page.locator('#journeys .u-over')
    const place = (await over.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
    const tooltip = page.locator('#journeys .tooltip')
    for (const share of [0.1, 0.45, 0.55, 0.9]) {
      await over.hover({ position: { x: place.width * share, y: 20 } })
      await eventually(() => tooltip.isVisible()).toBe(true)
      const box = (await tooltip.boundingBox()) ?? { x: 0, width: Number.POSITIVE_INFINITY }
      expect(box.x).toBeGreaterThanOrEqual(place.x)
      expect(box.x + box.width).toBeLessThanOrEqual(place.x + place.width + 1)
    }
  })

  inBrowser('shows the seven schemes of most machines side by side, on a screen and on paper', async () => {
    const names = ['tcp', 'unix', 'memory', 'udp', 'unixgram', 'unixpacket', 'memorygram']
    const schemes = names.map((name) => result(name, sampleJourneys()))
    await using opened = await open({ ...sampleComparison(), schemes }, { viewport: { width: 1400, height: 900 } })
    const { page } = opened
    const hidden = `(() => {
      const { scrollWidth, clientWidth } = document.querySelector('.scroll')
      return scrollWidth - clientWidth
    })()`
    expect(await page.evaluate(hidden)).toBe(0)
    await eventually(() => page.evaluate(`document.querySelectorAll('canvas').length`)).toBe(2)
    // A page is laid out for paper without its scripts being asked: charts keep what was drawn for the screen.
    await page.evaluate(`document.querySelectorAll('.chart').forEach((chart) => {
      chart.replaceWith(chart.cloneNode(true))
    })`)
    await page.emulateMedia({ media: 'print' })
    await page.setViewportSize({ width: 980, height: 700 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(980)
    for (const chart of await page.locator('canvas').all()) {
      const box = (await chart.boundingBox()) ?? { x: 0, width: 0, height: 0 }
      expect(box.width).toBeGreaterThan(900)
      expect(box.x + box.width).toBeLessThanOrEqual(980)
      expect(box.height).toBeGreaterThan(200)
    }
  })

  inBrowser('is dark where the system is, and changes with it', async () => {
    await using opened = await open(sampleComparison(), { colorScheme: 'dark' })
    const { page } = opened
    const paper = `getComputedStyle(document.body).backgroundColor`
    expect(await page.evaluate(paper)).toBe('rgb(21, 24, 28)')
    await showSmallLatencies(page)
    await eventually(() => shownIn(page, 'journeys')).toEqual(ALL)
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await page.evaluate(paper)).toBe('rgb(255, 255, 255)')
    await eventually(() => shownIn(page, 'journeys')).toEqual(ALL)
  })

  inBrowser('runs nothing that an address brings, and draws all the same', async () => {
    const hostile = `memory:</script><img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`
    const schemes = [{ ...result('memory', sampleJourneys()), address: hostile, suits: hostile }]
    await using opened = await open({ ...sampleComparison(), schemes })
    const { page, complaints, requests, address } = opened
    await eventually(() => pixels(page, 'journeys', 'c0')).toBeGreaterThan(10)
    expect(await page.title()).toBe('polysocket compare: memory')
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('th .address').innerText()).toBe(hostile)
    expect([complaints, requests]).toEqual([[], [address]])
  })

  inBrowser('stands with no message at all, with a single one, and where nothing arrived', async () => {
    const schemes = [[], [{ sent: 0, arrived: 1 }], [{ sent: 0, arrived: undefined }]]
    for (const journeys of schemes) {
      await using opened = await open({ ...sampleComparison(), schemes: [result('memorygram', journeys)] })
      await eventually(() => opened.page.evaluate(`document.querySelectorAll('canvas').length`)).toBe(2)
      expect(opened.complaints).toEqual([])
      await opened.page.locator('#distribution-logarithmic').uncheck()
      expect(opened.complaints).toEqual([])
    }
  })
})

function sampleJourneys(): { sent: number; arrived: number }[] {
  return Array.from({ length: 20 }, (_, index) => ({ sent: index * 20, arrived: index * 20 + 40 }))
}
