import { parseArgs } from 'node:util'

export const help = `npm run bench -- [options]

Ours, its peers and C references in turn, each in processes of its own; the median of the rounds, with the lowest and the highest.

  (none)             5 rounds of a second; writes bench/results/results.json and ratios.svg
  --quick            3 short rounds, all rows in less than a minute; ends with status 1 when a ratio is beyond its floor
                     (bench/floors.json), twice; writes nothing
  --growth           how cost grows: with connections, and with the size of messages; 3 rounds of half a second;
                     writes bench/results/growth.json and growth.svg
  --only TEXT        the rows whose id or name contains TEXT; writes nothing
  --rounds N         so many rounds
  --milliseconds N   so long a round
  --json FILE        writes the results to FILE
  --svg FILE         writes the chart to FILE
  --floors FILE      the floors of --quick, instead of bench/floors.json
  --help             this text
`

/** The command line, as `{ help, quick, growth, only, rounds, milliseconds, connections, json, svg, floors }`; throws for what it does not know. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      milliseconds: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      floors: { type: 'string' },
    },
  })
  const { quick, growth, only = '' } = values
  if (quick && growth) throw new TypeError('--quick and --growth do not go together')
  return {
    ...values,
    only,
    rounds: wholeNumber('rounds', values.rounds ?? (quick || growth ? 3 : 5)),
    milliseconds: wholeNumber('milliseconds', values.milliseconds ?? (quick ? 100 : growth ? 500 : 1000)),
    connections: quick ? 1000 : 10_000,
    isWhole: !quick && values.only === undefined,
  }
}

function wholeNumber(name, value) {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1)
    throw new TypeError(`--${name} takes a whole number from 1 on, not ${value}`)
  return number
}
