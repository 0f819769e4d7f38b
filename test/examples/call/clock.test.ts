import { expect, test } from 'vitest'
import { steadyClock } from '../../../examples/call/voice/clock.ts'

test('ticks keep to multiples of the period, and end when told to', async () => {
  const began = performance.now()
  const ticks: number[] = []
  await new Promise<void>((resolve) => {
    const cancel = steadyClock.every(20, () => {
      ticks.push(performance.now() - began)
      if (ticks.length < 15) return
      cancel()
      resolve()
    })
  })
  // A tick may be late, however the machine likes; none is early, nor are there more of them.
  for (const [index, at] of ticks.entries()) expect(at).toBeGreaterThan((index + 1) * 20 - 1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(ticks).toHaveLength(15)
})

test('the time is that of the day', () => {
  expect(Math.abs(steadyClock.now() - Date.now())).toBeLessThan(60_000)
})
