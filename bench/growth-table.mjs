// The rows of `--growth`: rows of the table at one size after another, without a target of their own. `series` says which panel of the chart a row belongs to,
// `size` where on its axis.
import { rows } from './table.mjs'

const CONNECTIONS = [1, 100, 1000, 10_000]
const MESSAGE_SIZES = [16, 64, 256, 1200, 1472, 4096, 8192, 16_384, 60_000]

const rowOf = (id) => rows.find((row) => row.id === id)
const sized = (row, series, size, rest) => ({
  ...row,
  id: `${row.id} × ${size}`,
  atLeast: undefined,
  atMost: undefined,
  limit: undefined,
  p99AtMostPeers: false,
  series,
  size,
  ...rest,
})

const echoes = (scheme) =>
  CONNECTIONS.map((size) =>
    sized(rowOf(`W4 ${scheme}`), `${scheme} echo`, size, {
      text: `${scheme} echo, 64 B, ${size} connection${size === 1 ? '' : 's'}`,
      workload: `${scheme}-echo${size === 1 ? '' : `-${size}`}`,
      connections: size,
      hasReference: size === 1,
    }),
  )

/** One connection takes less memory than a process gains and loses by itself. */
const memory = CONNECTIONS.slice(1).map((size) =>
  sized(rowOf('W11 tcp'), 'memory', size, {
    text: `${size} idle connections`,
    connections: size,
  }),
)

/** The reference has the sizes of the table. */
const messages = MESSAGE_SIZES.map((size) =>
  sized(rowOf('W5 64'), 'udp', size, {
    id: `W5 × ${size}`,
    text: `udp ${size} B, sendBatch and 'batch'`,
    workload: `udp-${size}`,
    hasReference: rowOf(`W5 ${size}`) !== undefined,
  }),
)

export const growthRows = [...echoes('unix'), ...echoes('tcp'), ...memory, ...messages]
