// The table: measured, printed, written, and held against its floors.
import { findFallen, readFloors } from './floors.mjs'
import { measureAll } from './measure.mjs'
import { runRows } from './run-rows.mjs'
import { rows } from './table.mjs'

/** The status that the process is to end with. */
export async function runTable(conditions) {
  const floors = readFloors(conditions.floors)
  const results = await runRows(rows, conditions, { json: 'results.json', svg: 'ratios.svg' }, draw)
  if (!conditions.quick) return results.some(({ failed }) => failed !== undefined) ? 1 : 0
  const fallen = await fallenTwice(results, floors, conditions)
  for (const { wrong } of fallen) console.error(wrong)
  return fallen.length > 0 ? 1 : 0
}

/** ECharts takes longer to load than all else here, and most runs draw nothing. */
const draw = async (all) => (await import('./chart-ratios.mjs')).drawRatios(all)

/** Short rounds on a busy machine scatter: what falls is measured once more, and has fallen when it does so again. */
async function fallenTwice(results, floors, conditions) {
  const fallen = findFallen(results, floors)
  if (fallen.length === 0) return fallen
  for (const { wrong } of fallen) console.error(`${wrong}; once more`)
  const suspects = rows.filter(({ id }) => fallen.some((result) => result.id === id))
  return findFallen(await measureAll(suspects, conditions), floors)
}
