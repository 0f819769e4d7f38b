// Operations on whatever is at a place.
import { places } from '../world.mjs'

/** @typedef {keyof typeof places} Table */

/** @returns {import('./index.mjs').Operation} does something to what is at a place; nothing where it is empty */
export function acting(name, weight, /** @type {Table} */ table, act) {
  return atPlace(name, weight, table, (world, at) => {
    if (world[table][at] !== undefined) act(world[table][at])
  })
}

/** @returns {import('./index.mjs').Operation} closes what is at a place, and leaves the place empty */
export function emptying(name, weight, /** @type {Table} */ table) {
  return atPlace(name, weight, table, (world, at) => world.put(table, at, undefined))
}

function atPlace(name, weight, table, perform) {
  return {
    name,
    weight,
    draw: (random) => ({ at: random.below(places[table]) }),
    perform: (world, { at }) => perform(world, at),
  }
}
