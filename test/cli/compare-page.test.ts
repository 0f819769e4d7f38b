import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { distributionCurves, journeyCurves } from '../../src/cli/compare/page/browser/curves.ts'
import { html, jsonInScript, scriptInPage } from '../../src/cli/compare/page/html.ts'
import type { Comparison, Journey } from '../../src/cli/compare/result.ts'
import { linkInWords, milliseconds, percent } from '../../src/cli/compare/words.ts'
import { lossyJourneys, result, sampleComparison, sampleMissing, sawToothJourneys } from './comparison-sample.ts'
import { commandLine } from './support.ts'

const { compiled } = commandLine()
let comparisonPage: (comparison: Comparison) => Promise<string>
beforeAll(async () => {
  ;({ comparisonPage } = await import(compiled('compare/page.js')))
})

const HOSTILE = `memory:</script><img src=x onerror="alert('1')"><!--<script>&amp;`

describe('the page', () => {
  it('has a language, a title, a viewport, seven rows and the schemes, streams first', async () => {
    const page = await comparisonPage(sampleComparison())
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/)
    expect(page).toContain('<title>polysocket compare: memory, unix, memorygram, unixgram</title>')
    expect(page).toContain('<meta name="viewport" content="width=device-width')
    const table = /<table class="results">[\s\S]*?<\/table>/.exec(page)?.[0] ?? ''
    expect([...table.matchAll(/<th scope="row">([^<]*)/g)].map(([, name]) => name)).toEqual([
      'Connection set-up',
      'Delivery',
      'Retransmitted',
      'Boundaries',
      'Overhead',
      'Latency',
      'Suits',
    ])
    const columns = [...table.matchAll(/<th scope="col" class="(\w+)"><span[^>]*><\/span>(\w+)/g)]
    expect(columns.map(([, group, scheme]) => `${group} ${scheme}`)).toEqual([
      'stream memory',
      'stream unix',
      'datagram memorygram',
      'datagram unixgram',
    ])
    expect([...table.matchAll(/<th scope="colgroup" colspan="(\d)" class="(\w+)"/g)].map(([, ...of]) => of)).toEqual([
      ['2', 'stream'],
      ['2', 'datagram'],
    ])
  })

  it('says what is missing and what helps, and who counted what', async () => {
    const page = await comparisonPage(sampleComparison())
    expect(page).toContain('<b>rfcomm</b>: there is no Bluetooth adapter.')
    expect(page).toContain('What helps: plug one in, or run it in the lab.')
    expect(page).toContain('<p class="number">16</p><small>counted by the link</small>')
    expect(page).toContain('<p class="number">not counted</p><small>the link sends nothing again</small>')
    expect(page).toContain('<p class="number">81.4 ms</p>\n<small>1 round trip: segments</small>')
    expect(page).toContain('<p class="number">0.21 ms</p>\n<small>no delay</small>')
  })

  it('tells those that broke down from those that could not be tried', async () => {
    const failed = { ...sampleMissing('tcp'), failed: true, reason: 'ETIMEDOUT connect' } as const
    const page = await comparisonPage({ ...sampleComparison(), schemes: [failed, sampleMissing('rfcomm')] })
    expect(page).toMatch(/What broke down<\/h2>\s*<ul[^>]*>\s*<li><b>tcp<\/b>: ETIMEDOUT connect\./)
    expect(page).toMatch(/What could not be tried here<\/h2>\s*<ul[^>]*>\s*<li><b>rfcomm<\/b>/)
    expect(page).toContain('0 measured, 1 failed, 1 could not be tried here')
  })

  it('says of which schemes fewer were sent, and that netem disturbs only where it does', async () => {
    const [first] = sampleComparison().schemes
    const page = await comparisonPage({
      ...sampleComparison(),
      messages: 500,
      netem: true,
      schemes: first ? [first] : [],
    })
    expect(page).toContain('500 messages of 160 bytes (memorygram: 300) were sent')
    expect(page).not.toContain('netem of the kernel')
  })

  it('has each scheme once beside its facts', async () => {
    const page = await comparisonPage(sampleComparison())
    const table = page.slice(page.indexOf('<table class="facts">'))
    const heads = [...table.matchAll(/<th scope="rowgroup" rowspan="(\d)">.*?<\/span>(\w+)<\/th>/g)]
    expect(heads.map(([, rows, scheme]) => [scheme, rows])).toEqual([
      ['memory', '2'],
      ['unix', '2'],
      ['memorygram', '2'],
      ['unixgram', '2'],
    ])
    expect(table.match(/<tr class="agrees">/g)).toHaveLength(8)
  })

  it('says in words which fact disagrees', async () => {
    const [first, ...others] = sampleComparison().schemes
    if (first === undefined || !('facts' in first)) throw new Error('the sample begins with a result')
    const agreements = [{ fact: 'ordered', declared: 'yes', measured: '7 late', agrees: false } as const]
    const page = await comparisonPage({ ...sampleComparison(), schemes: [{ ...first, agreements }, ...others] })
    expect(page).toContain('✗ disagrees: declared yes, measured 7 late')
    expect(page).toContain('✗ 1 fact not as declared')
    expect(page).toContain('1 of 7 declared facts that were tested disagrees')
    expect(await comparisonPage(sampleComparison())).toContain('All 8 declared facts')
  })

  it('lets no text become markup, and gives the data back as they were', async () => {
    const hostile = {
      ...result('memory', sawToothJourneys()),
      address: HOSTILE,
      engine: HOSTILE,
      suits: HOSTILE,
      overhead: { value: undefined, source: HOSTILE },
      agreements: [{ fact: 'ordered', declared: HOSTILE, measured: HOSTILE, agrees: false } as const],
    }
    const missing = { scheme: HOSTILE, reason: HOSTILE, remedy: HOSTILE }
    const machine = { node: HOSTILE, system: HOSTILE, processors: 1 }
    const comparison = { ...sampleComparison(), machine, schemes: [hostile, missing] }
    const page = await comparisonPage(comparison)
    expect(page).not.toContain('<img')
    expect(page.match(/<script/g)).toHaveLength(3)
    expect(page.match(/<\/script/g)).toHaveLength(3)
    expect(page.match(/<!--/g)).toBeNull()
    const data = /<script type="application\/json" id="comparison">([^<]*)<\/script>/.exec(page)?.[1] ?? ''
    expect(JSON.parse(data)).toEqual(JSON.parse(JSON.stringify(comparison)))
    expect(JSON.parse(data).schemes[0].address).toBe(HOSTILE)
  })

  it('has bars as long as the numbers beside them say', async () => {
    const page = await comparisonPage(sampleComparison())
    const [delivery = '', overhead = ''] = [...page.matchAll(/<li data-scheme="memorygram">[\s\S]*?<\/li>/g)].map(
      String,
    )
    const parts = (bar: string): string[] =>
      [...bar.matchAll(/width:([\d.]+%)" title="([^"]*)"/g)].map(([, width, title]) => `${title} ${width}`)
    // The longest bar of all is that of 300 messages and 3 copies.
    expect(parts(delivery)).toEqual([
      'in-order: 280 92.41%',
      'reordered: 7 2.31%',
      'lost: 13 4.29%',
      'duplicated: 3 0.99%',
    ])
    expect(delivery).toContain('287 of 300 delivered, 13 lost (4.33 %), 3 duplicated, 7 reordered')
    // Of 66 bytes, which the streams have.
    expect(parts(overhead)).toEqual([' 63.64%'])
    expect(overhead).toContain('42 bytes, 26.3 % of the message')
  })

  it('needs nothing from elsewhere', async () => {
    const page = await comparisonPage(sampleComparison())
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)).toEqual([
      'data:,',
      ...Array.from({ length: 4 }, () => '#facts'),
    ])
    expect(page).not.toMatch(/sourceMappingURL|@import|url\(/)
    // What is imported is in the address itself.
    for (const [, from] of page.matchAll(/^import .* from ["']([^"']{1,20})/gm)) expect(from).toMatch(/^data:text/)
  })

  it.each([
    ['no scheme', []],
    ['only missing ones', [sampleMissing('rfcomm')]],
  ])('stands with %s', async (_, schemes) => {
    const page = await comparisonPage({ ...sampleComparison(), schemes })
    expect(page).toContain('No scheme could be measured.')
    expect(page).toContain('<title>polysocket compare: no scheme could be measured</title>')
    expect(page).not.toContain('<script')
  })

  it('has words for a scheme over which nothing arrived', async () => {
    const nothing = {
      ...result('memorygram', [{ sent: 0, arrived: undefined }]),
      boundaries: { kept: false, writes: 20, reads: 0 },
    }
    const page = await comparisonPage({ ...sampleComparison(), schemes: [nothing] })
    expect(page.match(/nothing arrived/g)).toHaveLength(2)
    expect(page).not.toMatch(/NaN|undefined ms/)
  })
})

describe('what goes into the page', () => {
  it('is escaped, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(HOSTILE, '</script', '<!--', '\'"<>&')), (text) => {
        const { html: escaped } = html`<p title="${text}">`
        const value = escaped.slice('<p title="'.length, -'">'.length)
        expect(value).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/)
        const named = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
        expect(value.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: keyof typeof named) => named[name])).toBe(text)
      }),
    )
  })

  it('is the same data and the same script as before', () => {
    const texts = fc.oneof(fc.string(), fc.constantFrom('</SCRIPT >', '<!--', '<<!--</script', '<\\/script'))
    fc.assert(
      fc.property(fc.array(texts), (parts) => {
        const text = parts.join('')
        const data = jsonInScript({ [text]: text }).html
        expect(data).not.toContain('<')
        expect(JSON.parse(data)).toEqual({ [text]: text })
        const script = scriptInPage(`return ${JSON.stringify(text)}`).html
        expect(script).not.toMatch(/<\/script|<!--/i)
        expect(new Function(script)()).toBe(text)
      }),
    )
  })

  it('is a link in plain words', () => {
    const faults = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, seed: 1 }
    expect(linkInWords(faults)).toBe('as it is, undisturbed')
    expect(linkInWords({ ...faults, loss: 0.05, delay: 40, jitter: 2.5 })).toBe(
      '5 % lost, 40 to 42.5 ms each way, seed 1',
    )
  })

  it('is numbers of three digits', () => {
    expect([0, 0.01234, 0.5, 12.34, 268.4, 12345].map(milliseconds)).toEqual([
      '0 ms',
      '0.0123 ms',
      '0.5 ms',
      '12.3 ms',
      '268 ms',
      '12,345 ms',
    ])
    expect(milliseconds(Number.NaN)).toBe('not measured')
    expect([percent(1, 3), percent(0, 0)]).toEqual(['33.3 %', '0 %'])
  })
})

describe('the curves', () => {
  it('of journeys have a gap for each lost message', () => {
    const lossy = lossyJourneys()
    const [numbers, latencies = []] = journeyCurves([lossy, [{ sent: 5, arrived: 7 }]])
    expect(numbers).toEqual(lossy.map((_, index) => index + 1))
    expect(latencies.flatMap((latency, index) => (latency === null ? [index] : []))).toEqual(
      lossy.flatMap(({ arrived }, index) => (arrived === undefined ? [index] : [])),
    )
    expect(journeyCurves([[{ sent: 5, arrived: 7 }]])).toEqual([[1], [2]])
    expect(journeyCurves([])).toEqual([[]])
  })

  it('of arrivals start a little before the first one, whatever else has lost everything', () => {
    const lost = [{ sent: 0, arrived: undefined }]
    expect(distributionCurves([lost, [{ sent: 0, arrived: 20 }]])).toEqual([
      [10, 20],
      [0, 0],
      [0, 100],
    ])
    expect(distributionCurves([lost])).toEqual([[1], [0]])
  })

  const journey = fc.record({
    sent: fc.integer({ min: 0, max: 100 }),
    arrived: fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }),
  })

  it('of arrivals only rise, from nothing to the share that arrived', () => {
    fc.assert(
      fc.property(fc.array(fc.array(journey, { minLength: 1 }), { minLength: 1, maxLength: 4 }), (schemes) => {
        const [times, ...shares] = distributionCurves(schemes)
        expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
        shares.forEach((curve, scheme) => {
          const journeys = schemes[scheme] as readonly Journey[]
          const arrived = journeys.filter((each) => each.arrived !== undefined).length
          expect(curve[0]).toBe(0)
          expect(curve.at(-1)).toBeCloseTo((100 * arrived) / journeys.length)
          expect(curve).toEqual([...curve].sort((a, b) => Number(a) - Number(b)))
        })
      }),
    )
  })
})
