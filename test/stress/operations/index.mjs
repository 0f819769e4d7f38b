// All operations. Each is `{ name, weight, draw, perform }`: `draw` takes all that it needs from the generator, whatever is open
// by then, so that a seed gives the same operations each time; `perform` does it to what there is, and waits for nothing.
import { Random } from '../random.mjs'
import { closing } from './closing.mjs'
import { descriptors } from './descriptors.mjs'
import { opening } from './opening.mjs'
import { others } from './others.mjs'
import { transfer } from './transfer.mjs'

/**
 * @typedef {object} Operation
 * @property {string} name
 * @property {number} weight how often, beside the others
 * @property {(random: Random) => Record<string, unknown>} draw
 * @property {(world: import('../world.mjs').World, drawn: any) => void} perform
 */

/** @type {readonly Operation[]} */
export const operations = [...opening, ...transfer, ...descriptors, ...closing, ...others]

const total = operations.reduce((sum, { weight }) => sum + weight, 0)

/** The operation of this number, and the milliseconds to wait after it. */
export function operationAt(seed, number) {
  const random = new Random(seed, number)
  let at = random.below(total)
  const operation = operations.find(({ weight }) => {
    at -= weight
    return at < 0
  })
  return { operation, drawn: operation.draw(random), pause: random.oneIn(4) ? random.between(1, 8) : 0 }
}
