// What `npm run test:stress` takes.
import { parseArgs } from 'node:util'
import { operations } from './operations/index.mjs'
import { schemes } from './schemes.mjs'

const names = operations.map(({ name }) => name)
const schemeNames = schemes.map(({ name }) => name)

export const help = `npm run test:stress -- [options]
  --seed N          what decides all operations (default: another one each time; it is printed)
  --seconds S       how long (default 60)
  --first ROUND     begins with this round of the seed, as a failure tells it (default 0)
  --rounds N        ends after so many rounds, if the time does not end it before
  --only A,B        operations to do, --without A,B those not to do; the others stay the same for a seed
  --schemes A,B     schemes to use, --without-schemes A,B those not to
  --package DIR     the root of a built checkout to test (default: this one)
  --sanitize        with the addon under AddressSanitizer and UndefinedBehaviorSanitizer
  --verbose         prints each operation
operations: ${names.join(' ')}
schemes: ${schemeNames.join(' ')}`

/** @param {string[]} args */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      first: { type: 'string', default: '0' },
      rounds: { type: 'string', default: 'Infinity' },
      only: { type: 'string' },
      without: { type: 'string' },
      schemes: { type: 'string' },
      'without-schemes': { type: 'string' },
      package: { type: 'string' },
      sanitize: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  return {
    seed: number('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 32))),
    seconds: number('seconds', values.seconds),
    first: number('first', values.first),
    rounds: number('rounds', values.rounds),
    operations: chosen('operation', names, values.only, values.without),
    schemes: chosen('scheme', schemeNames, values.schemes, values['without-schemes']),
    package: values.package,
    sanitize: values.sanitize,
    verbose: values.verbose,
    help: values.help,
  }
}

function number(name, text) {
  const value = Number(text)
  if (text === '' || !(value >= 0)) throw new TypeError(`--${name} must be a number, 0 or more`)
  return value
}

/** @returns {Set<string>} */
function chosen(what, all, only, without) {
  const listed = (text) => {
    const words = text.split(',')
    const unknown = words.find((word) => !all.includes(word))
    if (unknown !== undefined) throw new TypeError(`there is no ${what} ${unknown}`)
    return words
  }
  const chosen = new Set(only === undefined ? all : listed(only))
  if (without !== undefined) for (const name of listed(without)) chosen.delete(name)
  return chosen
}
