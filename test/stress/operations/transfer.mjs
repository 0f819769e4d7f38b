// Operations that move bytes and messages.
import { endOf } from '../ends.mjs'
import { places } from '../world.mjs'
import { acting } from './at-place.mjs'

const sizes = [1, 12, 100, 1000, 1000, 4096, 16_384, 65_000, 250_000]

/** @type {readonly import('./index.mjs').Operation[]} */
export const transfer = [
  {
    name: 'send',
    weight: 40,
    draw: drawSending,
    perform: (world, drawn) => send(world, drawn, { batch: false }),
  },
  {
    name: 'sendBatch',
    weight: 20,
    draw: drawSending,
    perform: (world, drawn) => send(world, drawn, { batch: true }),
  },
  {
    // A sender whose messages wait, since its peer receives only when it is told to; the last of them may be refused.
    name: 'holdUp',
    weight: 4,
    draw: (random) => ({
      scheme: random.pick(['unixgram', 'unixpacket']),
      near: random.below(places.ends),
      far: random.below(places.ends),
      count: random.between(100, 600),
      tooLong: random.oneIn(3),
    }),
    perform(world, { scheme, near, far, count, tooLong }) {
      if (!world.schemes.has(scheme)) return
      const [one, other] = world.library.socketpair(scheme)
      const end = endOf(world, one, scheme, { flowing: true })
      world.put('ends', near, end)
      world.put('ends', far, endOf(world, other, scheme, { flowing: false }))
      end.send(1000, count)
      if (tooLong) end.send(300_000, 1)
    },
  },
  {
    name: 'receive',
    weight: 30,
    draw: (random) => ({ at: random.below(places.ends), count: random.between(1, 20) }),
    perform(world, { at, count }) {
      for (let n = 0; n < count; n++) world.ends[at]?.receive()
    },
  },
  acting('pause', 6, 'ends', (end) => end.pause()),
  acting('resume', 8, 'ends', (end) => end.resume()),
  acting('end', 4, 'ends', (end) => end.end()),
]

/** Few large ones, or many small ones. */
function drawSending(random) {
  const size = random.pick(sizes)
  const most = size <= 1000 ? random.pick([1, 20, 400]) : 4
  return { at: random.below(places.ends), size, count: random.between(1, most), to: random.below(places.ends) }
}

function send(world, { at, size, count, to }, { batch }) {
  const end = world.ends[at]
  const target = world.ends[to]
  const address = target?.scheme === end?.scheme && target?.address?.unnamed !== true ? target?.address : undefined
  if (end?.isOpen) end.send(size, count, [], { batch, to: address })
}
