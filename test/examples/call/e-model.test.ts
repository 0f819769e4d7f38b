import { describe, expect, test } from 'vitest'
import { meanOpinionScore, PCMU, PCMU_WITHOUT_CONCEALMENT, rating } from '../../../examples/call/voice/e-model.ts'

describe('the rating', () => {
  test('is 93.2 with all defaults, as G.107 section 7.7 says', () => {
    expect(rating({ delay: 0, loss: 0 })).toBeCloseTo(93.2, 1)
  })

  test('has the intermediate values that are published for the defaults', () => {
    // flent (flent/util.py, mos_score), checked there against the ITU's own calculator: No and Is with the defaults.
    const No = -61.17921438624169
    const Is = 1.4135680813438616
    const Ro = 15 - 1.5 * (8 + No)
    // Without delay there is no more than what is left of the listener's echo: 7-25 with Rle = 10.5 * 117.
    const Rle = 10.5 * 117
    const Idle = (Ro - Rle) / 2 + Math.sqrt((Ro - Rle) ** 2 / 4 + 169)
    expect(rating({ delay: 0, loss: 0 })).toBeCloseTo(Ro - Is - Idle, 2)
  })

  test.each([50, 100, 150, 200, 250, 300])('falls with a delay of %d ms as is published', (delay) => {
    // Cole and Rosenbluth, "Voice over IP performance monitoring" (2001): Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3),
    // fitted to G.107 with its defaults; the fit bends where G.107 curves, and is up to two and a half away from it.
    const Id = 0.024 * delay + 0.11 * Math.max(0, delay - 177.3)
    expect(Math.abs(93.2 - rating({ delay, loss: 0 }) - Id)).toBeLessThan(2.5)
  })

  test.each([
    // R and MOS of flent's mos_score(delay, loss), which takes a codec whose Ie is 0 and whose Bpl is 1.
    [0, 0, 93.206208, 4.409406],
    [0.9, 0, 93.157622, 4.408464],
    [1, 0, 93.262727, 4.410497],
    [20, 0, 92.531343, 4.39597],
    [50, 0, 91.756161, 4.379613],
    [100, 0, 90.66373, 4.35492],
    [150, 0, 89.539132, 4.327546],
    [200, 0, 85.804718, 4.22318],
    [300, 0, 72.66636, 3.719431],
    [400, 0, 62.246827, 3.215599],
    [600, 0, 49.483798, 2.547919],
    [20, 0.01, 45.031343, 2.316732],
    [300, 0.01, 25.16636, 1.42161],
  ])('at %d ms and a loss of %d is what flent finds', (delay, loss, R, mos) => {
    const ours = rating({ delay, loss, codec: { equipmentImpairment: 0, lossRobustness: 1 } })
    expect(ours).toBeCloseTo(R, 5)
    expect(meanOpinionScore(ours)).toBeCloseTo(mos, 5)
  })

  test('falls with every millisecond and with every packet', () => {
    const delays = Array.from({ length: 60 }, (_, index) => rating({ delay: 2 + index * 10, loss: 0.01 }))
    const losses = Array.from({ length: 60 }, (_, index) => rating({ delay: 50, loss: index / 60 }))
    for (const ratings of [delays, losses]) {
      for (const [index, R] of ratings.slice(1).entries()) expect(R).toBeLessThan(ratings[index] as number)
    }
  })

  test.each([
    // Ie,eff = 95 Ppl / (Ppl + Bpl) by 7-29, with the Bpl of G.113 Appendix I, by hand.
    [PCMU, 0.01, 1, 95 / 26.1],
    [PCMU, 0.05, 1, 475 / 30.1],
    [PCMU, 1, 1, 9500 / 125.1],
    [PCMU_WITHOUT_CONCEALMENT, 0.01, 1, 95 / 5.3],
    [PCMU, 0.05, 2, 475 / 27.6],
    // G.729A of the same table: Ie 11, Bpl 19.
    [{ equipmentImpairment: 11, lossRobustness: 19 }, 0.02, 1, 11 + 168 / 21],
  ])('falls by the loss: %o, %d, in bursts of %d', (codec, loss, burstRatio, impairment) => {
    const fall = rating({ delay: 0, loss: 0 }) - rating({ delay: 0, loss, burstRatio, codec })
    expect(fall).toBeCloseTo(impairment, 6)
  })
})

describe('the opinion score', () => {
  test('is that of Table B.1 of G.107, which G.109 makes its categories from', () => {
    // The lower limits of best, high, medium, low, poor. The table has 4.03 where equation B-4 gives 4.024.
    const table = [
      [90, 4.34],
      [80, 4.03],
      [70, 3.6],
      [60, 3.1],
      [50, 2.58],
    ] as const
    for (const [R, mos] of table) expect(Math.abs(meanOpinionScore(R) - mos)).toBeLessThan(0.01)
  })

  test('is 4.41 at best', () => {
    expect(meanOpinionScore(rating({ delay: 0, loss: 0 }))).toBeCloseTo(4.41, 2)
  })

  test('stays on its scale', () => {
    for (const R of [-1000, -1, 0, 1, 3, 6.5]) expect(meanOpinionScore(R)).toBeGreaterThanOrEqual(1)
    expect(meanOpinionScore(-5)).toBe(1)
    expect(meanOpinionScore(100)).toBe(4.5)
    expect(meanOpinionScore(120)).toBe(4.5)
  })
})
