// Operations that close, in every manner.
import { places } from '../world.mjs'

/** @type {readonly import('./index.mjs').Operation[]} */
export const closing = [
  onEnds('close', 6, (end) => end.close()),
  onEnds('destroy', 4, (end) => end.reset()),
  onEnds('abort', 6, (end) => end.abort()),
  {
    name: 'stopListening',
    weight: 2,
    draw: (random) => ({ at: random.below(places.listeners) }),
    perform: (world, { at }) => world.put('listeners', at, undefined),
  },
  {
    name: 'abortAccept',
    weight: 2,
    draw: (random) => ({ at: random.below(places.listeners) }),
    perform: (world, { at }) => world.listeners[at]?.abort(),
  },
  {
    // A stream whose peer does not read is closed while much waits in the kernel.
    name: 'part',
    weight: 12,
    draw: (random) => ({ peer: random.below(places.ends), size: random.between(20_000, 100_000) }),
    perform(world, { peer, size }) {
      if (!world.schemes.has('parting')) return
      const [one, other] = world.library.socketpair('parting')
      for (const end of [one, other]) end.on('error', (error) => world.failed(error, 'parting'))
      other.pause()
      one.write(Buffer.alloc(size))
      setImmediate(destroyed, one)
      world.put('ends', peer, {
        kind: 'stream',
        scheme: 'silent',
        isOpen: false,
        close: () => other.destroy(),
        ...deaf,
      })
    },
  },
  {
    // Nobody has it any more, and it waits for nothing: its descriptor is the collector's to close.
    name: 'forget',
    weight: 3,
    draw: (random) => ({ at: random.below(places.ends) }),
    perform(world, { at }) {
      const end = world.ends[at]
      if (!end?.isOpen || end.pending > 0 || end.scheme !== 'unix' || end.endpoint.connecting) return
      // One that reads ahead lives until its peer ends it: of two that were both forgotten nobody would.
      if (world.hasForgotten) return
      world.hasForgotten = true
      end.pause()
      world.disown(end.endpoint.fd)
      world.ends[at] = undefined
    },
  },
]

/** Without a closure that would keep the socket longer than it lives. */
function destroyed(endpoint) {
  endpoint.destroy()
}

const nothing = () => undefined
/** A peer of which nothing is wanted but to be there. */
const deaf = {
  send: nothing,
  receive: nothing,
  pause: nothing,
  resume: nothing,
  end: nothing,
  abort: nothing,
  reset: nothing,
}

/** @returns {import('./index.mjs').Operation} closes the end at a place, which stays there as closed */
function onEnds(name, weight, act) {
  return {
    name,
    weight,
    draw: (random) => ({ at: random.below(places.ends) }),
    perform(world, { at }) {
      if (world.ends[at] !== undefined) act(world.ends[at])
    },
  }
}
