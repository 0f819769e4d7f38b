// How cost grows with the number of connections and the size of messages: measured, printed, written.
import { growthRows } from './growth-table.mjs'
import { runRows } from './run-rows.mjs'

/** The status that the process is to end with. */
export async function runGrowth(conditions) {
  const results = await runRows(growthRows, conditions, { json: 'growth.json', svg: 'growth.svg' }, draw)
  return results.some(({ failed }) => failed !== undefined) ? 1 : 0
}

const draw = async (all) => (await import('./chart-growth.mjs')).drawGrowth(all)
