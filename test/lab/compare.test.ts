import { describe, expect, test } from 'vitest'
import type { Comparison, SchemeResult } from '../../src/cli/compare/result.ts'
import { commandLine } from '../cli/support.ts'
import { restartControllers } from './support.ts'

restartControllers(2)
const { cli } = commandLine()

/** Runs the command, which has to find that every family keeps its word, and gives what it printed. */
async function compare(...args: readonly string[]): Promise<SchemeResult[]> {
  const { code, stdout, stderr } = await cli('compare', ...args, '--json').end().done
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const { schemes } = JSON.parse(stdout.toString()) as Comparison
  const results = schemes.filter((each): each is SchemeResult => 'delivery' in each)
  for (const { agreements } of results) expect(agreements.filter(({ agrees }) => !agrees)).toEqual([])
  return results
}

const lossless = { lost: 0, duplicated: 0, reordered: 0 }

describe('polysocket compare', () => {
  test('rfcomm and l2cap keep what their families declare, and the monitor of HCI counts their bytes', async () => {
    const [rfcomm, l2cap] = (await compare('rfcomm', 'l2cap')) as [SchemeResult, SchemeResult]
    expect(rfcomm).toMatchObject({ scheme: 'rfcomm', delivery: { sent: 100, delivered: 100, ...lossless } })
    expect(rfcomm.boundaries.kept).toBe(false)
    expect(l2cap).toMatchObject({ scheme: 'l2cap', delivery: { sent: 100, delivered: 100, ...lossless } })
    expect(l2cap.boundaries.kept).toBe(true)
    for (const { retransmitted, setUp } of [rfcomm, l2cap]) {
      expect(retransmitted.value).toBeUndefined()
      expect(setUp.time).toBeGreaterThan(0)
    }
    // The header of L2CAP, and of each of two ACL packets, of which the controller takes 192 bytes at most: 4 bytes each. Over
    // RFCOMM those of its frames, our length, and credits back as well.
    expect(l2cap.overhead.value).toBe(12)
    expect(rfcomm.overhead.value).toBeGreaterThan(12)
    expect(rfcomm.overhead.source).toMatch(/HCI/)
  })

  test('--netem: tcp makes good what is lost, udp does not', async () => {
    const [tcp, udp] = (await compare('tcp', 'udp', '--netem', '--loss', '5%', '--delay', '20ms')) as [
      SchemeResult,
      SchemeResult,
    ]
    expect(tcp).toMatchObject({ disturbed: 'netem', delivery: { sent: 500, delivered: 500, ...lossless } })
    expect(tcp.retransmitted.value).toBeGreaterThan(0)
    // SYN, and the SYN and ACK that answer it, whichever of them was lost at first.
    expect(tcp.setUp.roundTrips.value).toBe(1)
    expect(tcp.setUp.time).toBeGreaterThanOrEqual(40)
    expect(udp).toMatchObject({ disturbed: 'netem', delivery: { sent: 500 }, retransmitted: { value: 0 } })
    // 500 tries with a chance of 0.05: 25, and outside of 4 to 54 less than once in a million runs.
    expect(udp.delivery.lost).toBeGreaterThanOrEqual(4)
    expect(udp.delivery.lost).toBeLessThanOrEqual(54)
    expect(udp.setUp.roundTrips.value).toBeLessThan(0.9)
    for (const { latency, overhead } of [tcp, udp]) {
      expect(latency.p50).toBeGreaterThanOrEqual(20)
      expect(overhead.source).toContain('alone in its namespace')
    }
  })
})
