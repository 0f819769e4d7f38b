import { describe, expect, test } from 'vitest'
import { printReport } from '../../../examples/call/report.ts'
import type { CallReport } from '../../../examples/call/run-call.ts'
import type { SideReport } from '../../../examples/call/side-report.ts'
import { checksOf } from '../../../examples/call/verdict.ts'
import { Conversation } from '../../../examples/call/voice/conversation.ts'
import type { VoiceReport } from '../../../examples/call/voice/voice-report.ts'
import { percent } from '../../../examples/call/words.ts'

function voice(packets: number, mos: number): VoiceReport {
  const none = { lost: 400 - packets, late: 0, duplicates: 0, reordered: 0, concealed: 0, restarts: 0 }
  const heard = { expected: 400, packets, ...none }
  const times = { jitter: 1, roundTrip: 2, bufferDelay: 20, delay: 41 }
  return {
    sent: { packets: 400, octets: 64_000 },
    received: heard,
    ...times,
    loss: 0,
    rating: 90,
    mos,
    remote: undefined,
  }
}

/** A side after a call in which everything went well. */
function side(by: 'caller' | 'answerer', mos: number): SideReport {
  const [said, answered] = [
    ['one', 'two'],
    ['✓ one', '✓ two'],
  ]
  const [textsSent, textsReceived] = by === 'caller' ? [said, answered] : [answered, said]
  const played = { startUp: 1, stalls: 0, stalledFor: 0, duration: 6, frames: 150, framesInFilm: 150 }
  const video = { ...played, name: 'a.mp4', bytes: 9, size: 9, seconds: 1, throughput: 9, whole: true }
  return {
    ended: { kind: 'hung up', reason: '', byUs: by === 'caller' },
    setUp: 12,
    voice: voice(mos === 4.4 ? 400 : 380, mos),
    recording: 'heard.wav',
    textsSent: textsSent ?? [],
    textsReceived: textsReceived ?? [],
    interruptions: 1,
    away: 3000,
    ...(by === 'answerer' && { video }),
  }
}

function call(mos: number, changed: { caller?: Partial<SideReport>; answerer?: Partial<SideReport> } = {}): CallReport {
  const caller = { ...side('caller', mos), ...changed.caller }
  const answerer = { ...side('answerer', mos), ...changed.answerer }
  return { processes: 1, caller, answerer, link: { packets: 1, lost: 0, retransmitted: 0 } }
}

/** The texts of the checks that fail after a disturbed call like this. */
function failures(disturbed: CallReport, undisturbed: CallReport = call(4.4)): string[] {
  return checksOf(undisturbed, disturbed, 0.05, 3000).flatMap(({ holds, text }) => (holds ? [] : [text]))
}

const { video } = side('answerer', 4)
const silent = new Conversation({ cname: 'a', speech: new Int16Array(), send: () => undefined }).report()

describe('the verdict', () => {
  test('holds where everything went well', () => {
    expect(failures(call(3.7))).toEqual([])
    expect(checksOf(call(4.4), call(3.7), 0.05, 3000)).toHaveLength(9)
    expect(checksOf(call(4.4), call(4.4), 0, 0)).toHaveLength(6)
  })

  test.each<[string, Parameters<typeof call>[1], RegExp]>([
    ['a text is missing', { answerer: { textsReceived: ['one'] } }, /every text arrived/],
    ['texts changed places', { answerer: { textsReceived: ['two', 'one'] } }, /every text arrived/],
    ['a text came twice', { caller: { textsReceived: ['✓ one', '✓ two', '✓ two'] } }, /every text arrived/],
    [
      'the film is another',
      { answerer: { ...(video && { video: { ...video, whole: false } }) } },
      /film arrived whole/,
    ],
    ['little voice reached the caller', { caller: { voice: voice(100, 3.7) } }, /voice went on both ways/],
    ['little voice reached the answerer', { answerer: { voice: voice(100, 3.7) } }, /voice went on both ways/],
    ['loss had no effect there', { answerer: { voice: voice(400, 4.4) } }, /voice to the answerer went on/],
    ['loss had no effect here', { caller: { voice: voice(400, 4.4) } }, /voice to the caller went on/],
    ['nothing was cut', { caller: { interruptions: 0 } }, /signalling was lost/],
    [
      'the call did not survive the cut',
      { caller: { ended: { kind: 'signalling lost', reason: '', byUs: false } } },
      /signalling was lost/,
    ],
    [
      'the far side hung up',
      { caller: { ended: { kind: 'hung up', reason: '', byUs: false } } },
      /signalling was lost/,
    ],
  ])('fails, and in one point, where %s', (_, changed, words) => {
    expect(failures(call(3.7, changed))).toEqual([expect.stringMatching(words)])
  })

  test('says what was lost, and what was to be expected; what the first call lost is no measure for it', () => {
    const before = call(4.4, { caller: { voice: voice(390, 4.3) } })
    const words = checksOf(before, call(3.7), 0.05, 3000).flatMap(({ text }) => (text.includes('MOS') ? [text] : []))
    expect(words).toEqual([
      expect.stringMatching(/to the answerer .* took 0\.51 .* \(0\.51 is expected of 5 % loss\)$/),
      expect.stringMatching(/to the caller .* took 0\.51 .* \(0\.51 is expected of 5 % loss\)$/),
    ])
  })

  test('fails where nobody sent a text, or a film', () => {
    const nothing = { textsSent: [], textsReceived: [] }
    expect(failures(call(3.7, { caller: nothing, answerer: nothing }))).toEqual([expect.stringMatching(/every text/)])
    const { video: _, ...blind } = side('answerer', 3.7)
    expect(failures({ ...call(3.7), answerer: blind })).toEqual([expect.stringMatching(/film/)])
  })

  test('says how long streams took, where there is something to say of it', () => {
    const texts = (report: CallReport): string[] => checksOf(report, report, 0, 0).map(({ text }) => text)
    expect(texts(call(4.4, { caller: { slowestAnswer: 3456 } }))).toEqual(
      expect.arrayContaining([
        'undisturbed: every text arrived, once, in order, the slowest answer after 3456 ms',
        'disturbed: the film arrived whole, in 1000 ms',
      ]),
    )
    const { video: _, ...blind } = side('answerer', 4.4)
    expect(texts({ ...call(4.4), answerer: blind })).toEqual(
      expect.arrayContaining(['undisturbed: every text arrived, once, in order', 'disturbed: the film arrived whole']),
    )
  })

  test('silence is no quality', () => {
    expect(silent).toMatchObject({ rating: undefined, mos: undefined })
    const failed = failures(call(3.7, { caller: { voice: silent } }))
    expect(failed).toEqual([
      expect.stringMatching(/voice went on both ways/),
      'the voice to the caller: nothing was heard',
    ])
  })
})

describe('the report', () => {
  test('has both calls side by side, each number in its place', () => {
    const received = {
      expected: 400,
      packets: 380,
      lost: 20,
      late: 4,
      duplicates: 0,
      reordered: 7,
      concealed: 27,
      restarts: 0,
    }
    const spoilt: VoiceReport = {
      ...voice(380, 3.6),
      received,
      jitter: 7.25,
      roundTrip: undefined,
      delay: 110,
      loss: 0.06,
    }
    const half = { startUp: undefined, bytes: 5, throughput: 51_200, stalls: 2, stalledFor: 300 }
    const quick = call(4.4, { caller: { interruptions: 0, away: 0, slowestAnswer: 4.46 } })
    const slow = call(3.6, { answerer: { voice: spoilt, ...(video && { video: { ...video, ...half } }) } })
    const table = printReport(
      { ...quick, processes: 2, link: { packets: 0, lost: 0, retransmitted: 0 } },
      { ...slow, link: { packets: 1080, lost: 64, retransmitted: 20 } },
    )
    expect(table).toBe(`                       undisturbed                       disturbed
---------------------  --------------------------------  ---------------------------------
processes              2                                 1
signalling (stream)
  invited to accepted  12 ms                             12 ms
  texts, answered      2 of 2                            2 of 2
  slowest answer       after 4.5 ms                      none
  connection lost      never                             1 time(s), for 3.0 s
  the call ended       hung up                           hung up
voice to the answerer (datagrams)
  packets that came    400 of 400                        380 of 400
  lost, late           0, 0 (0 %)                        20, 4 (6 %)
  concealed            0 frames of 20 ms                 27 frames of 20 ms
  jitter               1.0 ms                            7.3 ms
  round trip           2.0 ms                            not known
  mouth to ear         41 ms, of it 20 ms jitter buffer  110 ms, of it 20 ms jitter buffer
  R, MOS (G.107)       90.0, 4.40                        90.0, 3.60
voice to the caller (datagrams)
  packets that came    400 of 400                        380 of 400
  lost, late           0, 0 (0 %)                        20, 0 (0 %)
  concealed            0 frames of 20 ms                 0 frames of 20 ms
  jitter               1.0 ms                            1.0 ms
  round trip           2.0 ms                            2.0 ms
  mouth to ear         41 ms, of it 20 ms jitter buffer  41 ms, of it 20 ms jitter buffer
  R, MOS (G.107)       90.0, 4.40                        90.0, 3.60
video (stream)
  delivered            9 bytes, SHA-256 equal            5 of 9 bytes
  throughput           0 KiB/s                           50 KiB/s
  starts to play       after 1.0 ms                      never
  stalls               0, 0 ms                           2, 300 ms
the link that disturbs
  packets              none                              1080
  lost, sent again                                       64, 20`)
  })

  test('has no numbers about nothing', () => {
    const table = printReport(call(4.4), call(3.7, { caller: { voice: silent } }))
    const rows = table.slice(table.indexOf('voice to the caller')).split('\n')
    expect(rows.find((row) => row.includes('R, MOS'))).toMatch(/90\.0, 4\.40 +nothing heard$/)
    expect(rows.find((row) => row.includes('packets that came'))).toMatch(/400 of 400 +0 of 0$/)
    expect(table).not.toMatch(/NaN|undefined/)
  })

  test('says why there is no film', () => {
    const { video: _, ...blind } = side('answerer', 3.7)
    const table = printReport(call(4.4), { ...call(3.7), answerer: { ...blind, videoProblem: 'EACCES' } })
    expect(table).toMatch(/delivered .* nothing: EACCES/)
  })

  test('shares are in per cent, without what floating point adds', () => {
    expect([0, 0.07, 0.005, 1 / 3, 1].map(percent)).toEqual(['0 %', '7 %', '0.5 %', '33.333 %', '100 %'])
  })
})
