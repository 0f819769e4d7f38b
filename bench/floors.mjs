import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('./floors.json', import.meta.url))

/** By row: the lowest ratio that passes; for rows in which less is better (`atMost`) the highest. */
export const readFloors = (file = path) => JSON.parse(readFileSync(file, 'utf8'))

/** The results that do not pass, each with what is `wrong`. */
export function findFallen(results, floors) {
  return results.flatMap((result) => {
    const wrong = whatIsWrong(result, floors[result.id])
    return wrong === undefined ? [] : [{ ...result, wrong }]
  })
}

function whatIsWrong({ id, atMost, ratio, failed }, floor) {
  if (failed !== undefined) return `${id} failed: ${failed}`
  if (ratio === undefined) return undefined
  if (floor === undefined) return `${id} has no floor`
  const passes = atMost === undefined ? ratio.median >= floor : ratio.median <= floor
  const side = atMost === undefined ? 'under' : 'over'
  return passes ? undefined : `${id}: a ratio of ${ratio.median.toFixed(2)} is ${side} its floor, ${floor}`
}
