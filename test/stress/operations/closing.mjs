// Operations that close, in every manner.
import { places } from '../world.mjs'
import { acting, emptying } from './at-place.mjs'

/** @type {readonly import('./index.mjs').Operation[]} */
export const closing = [
  // The end stays at its place, closed.
  acting('close', 6, 'ends', (end) => end.close()),
  acting('destroy', 4, 'ends', (end) => end.reset()),
  acting('abort', 6, 'ends', (end) => end.abort()),
  emptying('stopListening', 2, 'listeners'),
  acting('abortAccept', 2, 'listeners', (listening) => listening.abort()),
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
