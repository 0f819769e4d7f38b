import { describe, expect, test } from 'vitest'
import { comparisonText } from '../../src/cli/compare/print.ts'
import { Progress } from '../../src/cli/compare/progress.ts'
import type { Comparison, Failed, Missing, Outcome, SchemeResult } from '../../src/cli/compare/result.ts'
import { suits } from '../../src/cli/compare/suits.ts'
import { verdict } from '../../src/cli/compare/verdict.ts'
import { factsOf } from '../support/need.ts'

const faults = { loss: 0.05, duplicate: 0.01, reorder: 0, delay: 20, jitter: 5, seed: 3 }

const good: SchemeResult = {
  scheme: 'memorygram',
  address: 'memorygram:#1',
  engine: 'memory',
  facts: factsOf('memorygram'),
  disturbed: 'memory faults',
  setUp: { time: 0.0624, roundTrips: { value: 0.0016, source: 'a clock' } },
  interval: 4,
  delivery: { sent: 500, delivered: 474, lost: 26, duplicated: 5, reordered: 17 },
  retransmitted: { value: 0, source: 'nobody sends anything again' },
  boundaries: { kept: true, writes: 16, reads: 15 },
  overhead: { value: 12.25, source: 'somebody' },
  latency: { p50: 23.512, p99: 128.64, max: 1174.3 },
  journeys: [],
  suits: 'voice, games, telemetry: prompt, some lost',
  agreements: [{ fact: 'kind', declared: 'datagram', measured: 'datagram', agrees: true }],
}
const liar: SchemeResult = {
  ...good,
  scheme: 'memory',
  boundaries: { kept: false, writes: 16, reads: 1 },
  retransmitted: { value: undefined, source: 'nobody knows' },
  agreements: [
    { fact: 'reliable', declared: 'yes', measured: '26 lost and 5 duplicated of 500', agrees: false },
    { fact: 'kind', declared: 'stream', measured: 'stream', agrees: true },
  ],
}
const missing: Missing = { scheme: 'rfcomm', reason: 'there is no adapter', remedy: 'plug one in' }
const failed: Failed = { scheme: 'tcp', failed: true, reason: 'ETIMEDOUT connect', remedy: 'lose less' }

function text(...schemes: readonly Outcome[]): string {
  const comparison: Comparison = {
    faults,
    netem: false,
    messages: 500,
    size: 200,
    interval: 4,
    machine: { node: '20.20.2', system: 'linux 6.18', processors: 2 },
    schemes,
  }
  return comparisonText(comparison)
}

describe('the table', () => {
  test('says what was measured, through which link, and where', () => {
    const lines = text(good)
    expect(lines).toContain('500 messages of 200 bytes; one every 4 ms')
    expect(lines).toContain('Link: 5 % lost, 1 % duplicated, 20 to 25 ms each way, seed 3.')
    expect(lines).toContain('Disturbed by memory faults: memorygram.\n')
    expect(lines).toContain('Node 20.20.2, linux 6.18, 2 processors.')
  })

  test('says of which schemes fewer were sent', () => {
    expect(text({ ...good, delivery: { ...good.delivery, sent: 100 } })).toContain(
      '500 messages of 200 bytes (memorygram: 100); one every 4 ms',
    )
  })

  test('says over which schemes they were slower', () => {
    expect(text({ ...good, interval: 20 })).toContain('one every 4 ms (memorygram: 20 ms), one way')
  })

  test('says nothing of a link that nobody had, and all of one on which a scheme failed', () => {
    const undisturbed: SchemeResult = { ...good, disturbed: 'nothing' }
    expect(text(undisturbed)).not.toContain('Link: ')
    expect(text(undisturbed, failed)).toContain('Link: 5 % lost')
  })

  test('has every number of a row, and its sources below', () => {
    const lines = text(good)
    for (const part of [
      '0.0624 ms',
      '0.0 round',
      'trips [1]',
      '474 of 500',
      '26 lost',
      '5 duplicated',
      '17 reordered',
      'kept',
      '12.3 B [3]',
      'p50 23.5 ms',
      'p99 129 ms',
      'max 1,174 ms',
      'telemetry: prompt,',
      'agree',
      '\n[1] a clock\n[2] nobody sends anything again\n[3] somebody\n',
    ]) {
      expect(lines).toContain(part)
    }
  })

  test('says nothing of round trips that nobody could count', () => {
    const untold = { value: undefined, source: 'no delay' }
    expect(text({ ...good, setUp: { time: 2, roundTrips: untold } })).not.toMatch(/round|no delay/)
  })

  test('marks a row whose facts are not kept, and says which', () => {
    const lines = text(liar)
    expect(lines).toMatch(/DIS-\n.* AGREE\n.* \[4\]$/m)
    expect(lines).toContain('[4] memory: reliable is declared yes, and measured: 26 lost and 5 duplicated of 500')
    expect(lines).toMatch(/16 writes/)
    expect(lines).toMatch(/ \? \[2\]/)
  })

  test('has those that broke down and those that are not here, with reason and remedy', () => {
    const lines = text(missing, failed)
    expect(lines).toMatch(/^rfcomm +not here \[1\]$/m)
    expect(lines).toMatch(/^tcp +FAILED \[2\]$/m)
    expect(lines).toContain('[1] there is no adapter; remedy: plug one in\n[2] ETIMEDOUT connect; remedy: lose less')
  })

  test('fits into 120 columns, also where nothing went well and all uses are told', () => {
    const delivery = { sent: 10_000, delivered: 4000, lost: 6000, duplicated: 3000, reordered: 3999 }
    const overhead = { value: 65_507, source: 'somebody' }
    const suits = ['commands, events: whole messages, some late', 'telemetry: some duplicated or reordered, some late']
    const bad = suits.map((words) => ({ ...liar, scheme: 'unixpacket', delivery, overhead, suits: words }))
    const lines = text(good, ...bad, missing, failed)
      .split('\n')
      .slice(6)
    const table = lines.slice(
      0,
      lines.findIndex((line) => line.startsWith('[1]')),
    )
    expect(table.length).toBeGreaterThan(12)
    expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(120)
  })

  test('has streams first, and a head for each kind that there is', () => {
    const stream = { ...good, scheme: 'memory', facts: factsOf('memory') }
    const order = text(good, stream).match(/^(STREAMS|DATAGRAMS|memory|memorygram)(?= *$| )/gm)
    expect(order).toEqual(['STREAMS', 'memory', 'DATAGRAMS', 'memorygram'])
    expect(text(good)).not.toContain('STREAMS')
    expect(text(stream)).toContain("A stream's message has its length before it, 4 bytes")
    expect(text(good)).not.toContain('4 bytes')
  })

  test('says where nothing arrived, and not that something is no number', () => {
    const delivery = { sent: 500, delivered: 0, lost: 500, duplicated: 0, reordered: 0 }
    const latency = { p50: Number.NaN, p99: Number.NaN, max: Number.NaN }
    const boundaries = { kept: false, writes: 16, reads: 0 }
    const lines = text({ ...good, delivery, latency, boundaries })
    expect(lines).toMatch(/ nothing .* nothing /)
    expect(lines).not.toMatch(/NaN|not kept/)
  })
})

test.each<[code: number, what: string, outcomes: readonly Outcome[], named: boolean]>([
  [0, 'all agree', [good], true],
  [0, 'what nobody named may be missing', [good, missing], false],
  [3, 'what was named may not', [good, missing], true],
  [1, 'a disagreement', [good, liar], false],
  [1, 'a breakdown', [good, failed], false],
  [1, 'a breakdown counts for more than what is missing', [failed, missing], true],
])('the exit code is %i: %s', (code, _, outcomes, named) => expect(verdict(outcomes, named)).toBe(code))

describe('the use that suits', () => {
  const delivery = { sent: 100, delivered: 100, lost: 0, duplicated: 0, reordered: 0 }
  const kept = { kept: true, writes: 16, reads: 16 }
  const joined = { kept: false, writes: 16, reads: 1 }
  const prompt = { p50: 21, p99: 24, max: 25 }
  const late = { p50: 21, p99: 120, max: 130 }
  const promised = { reliable: true, ordered: true }
  test.each([
    [/^files.*some late/, promised, delivery, joined, late],
    [/^files.*complete$/, promised, delivery, joined, prompt],
    [/^commands, events: whole messages, some late/, promised, delivery, kept, late],
    [/^commands, events, logs/, promised, delivery, kept, prompt],
    [/^voice.*some lost/, {}, { ...delivery, delivered: 95, lost: 5 }, kept, prompt],
    [/^voice.*duplicated or reordered/, {}, { ...delivery, reordered: 5 }, kept, prompt],
    [/^telemetry.*some lost, some late/, {}, { ...delivery, delivered: 95, lost: 5 }, kept, late],
    [/^voice.*no promise/, {}, delivery, kept, prompt],
    [/^voice.*no promise/, { reliable: true }, delivery, kept, prompt],
    [/^voice.*no promise/, { ordered: true }, delivery, kept, prompt],
    // Late is what took a round trip of 2 x 20 ms more than the 25 ms that the link may take.
    [/^files.*complete$/, promised, delivery, joined, { ...late, p99: 65 }],
    [/^files.*some late/, promised, delivery, joined, { ...late, p99: 65.1 }],
    [
      /^nothing/,
      {},
      { ...delivery, delivered: 0, lost: 100 },
      kept,
      { p50: Number.NaN, p99: Number.NaN, max: Number.NaN },
    ],
  ])('%s', (words, promise, delivered, boundaries, latency) => {
    const facts = { ...factsOf('memorygram'), ...promise }
    expect(suits({ facts, delivery: delivered, boundaries, latency, faults })).toMatch(words)
  })
})

describe('progress', () => {
  function told(isTTY: boolean, act: (progress: Progress) => void): string {
    let written = ''
    act(new Progress({ isTTY, write: (text) => (written += text) }, 'udp', 500))
    return written
  }
  const all = (progress: Progress): void => {
    for (let sent = 1; sent <= 500; sent++) progress.sent(sent, sent * 4)
    progress.done(good)
    progress.clear()
  }

  test('on a terminal it is one line, written over some ten times a second and gone in the end', () => {
    const written = told(true, all)
    expect(written).not.toContain('\n')
    expect(written.split('\r').length).toBeGreaterThan(15)
    expect(written.split('\r').length).toBeLessThan(30)
    expect(written).toContain('compare: udp 1 of 500 sent')
    expect(written.endsWith('\r\u001b[2K')).toBe(true)
  })

  test('elsewhere it is a line at the end of each scheme', () => {
    expect(told(false, all)).toBe('compare: udp 474 of 500 arrived, p99 129 ms\n')
    expect(told(false, (progress) => progress.done(failed))).toBe('compare: udp FAILED: ETIMEDOUT connect\n')
  })
})
