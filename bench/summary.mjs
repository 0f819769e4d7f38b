import { spread } from './statistics.mjs'

/** Rounds as `{ ours: [...], peer: [...], reference: [...] }`, and what follows from them. */
export function summarize(row, rounds) {
  const rates = (name) => rounds[name]?.map((round) => rate(round) / row.unit.scale)
  const [ours, peer, reference] = ['ours', 'peer', 'reference'].map(rates)
  const ratio = spread(ours.map((number, round) => number / peer[round]))
  const share = reference === undefined ? undefined : spread(ours.map((number, round) => number / reference[round]))
  const sides = Object.fromEntries(
    Object.keys(rounds).map((name) => [name, { rate: spread(rates(name)), ...beside(row, rounds[name]) }]),
  )
  const isWithinLimit = share === undefined || row.limit === undefined ? undefined : share.median >= row.limit
  return { ...sides, ratio, share, isMet: isMet(row, ratio), isWithinLimit, rounds }
}

function isMet({ atLeast, atMost }, ratio) {
  if (atMost !== undefined) return ratio.median <= atMost
  return atLeast === undefined ? undefined : ratio.median >= atLeast
}

const rate = ({ units, seconds, bytes, connections }) => (bytes === undefined ? units / seconds : bytes / connections)

/** What is told beside the rate: microseconds of the processor, latencies in milliseconds, messages lost. */
function beside(row, rounds) {
  const middle = (pick) => {
    const numbers = rounds.map(pick)
    return numbers.some((number) => number === undefined || Number.isNaN(number)) ? undefined : spread(numbers).median
  }
  const sum = (pick) => rounds.reduce((total, round) => total + pick(round), 0)
  const isLossy = rounds.every(({ dropped }) => dropped !== undefined)
  return {
    cpu: row.cost && middle(({ cpu, units }) => (cpu * 1e6 * row.cost.per) / units),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    loss: isLossy
      ? { sent: sum(({ sent }) => sent), received: sum(({ units }) => units), dropped: sum(({ dropped }) => dropped) }
      : undefined,
  }
}
