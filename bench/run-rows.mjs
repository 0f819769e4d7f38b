import { watchSteal } from './machine.mjs'
import { measureAll } from './measure.mjs'
import { lossText, missingText, tableText } from './print.mjs'
import { writeResults } from './results.mjs'

/** So much stolen time makes absolute numbers low and spreads wide. */
const NOTABLE = 0.02

/** Measures the rows that `--only` asks for, prints what came of it, and writes it where it is to be written. */
export async function runRows(rows, conditions, names, draw) {
  const chosen = rows.filter(({ id, text }) => `${id} ${text}`.includes(conditions.only))
  if (chosen.length === 0) throw new TypeError(`no row's id or name contains '${conditions.only}'`)
  const stolen = watchSteal()
  const results = await measureAll(chosen, conditions)
  const steal = stolen()
  const texts = [tableText(results), lossText(results), missingText(results)].filter((text) => text !== '')
  console.log(`${texts.join('\n\n')}\n`)
  if (steal > NOTABLE) console.log(`The host took ${Math.round(steal * 100)} % of the processors' time meanwhile.\n`)
  await writeResults(conditions, names, { steal, results }, draw)
  return results
}
