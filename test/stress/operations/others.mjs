// Operations of others: processes that connect and are killed, workers that are terminated, the collector.
import { collect } from '../collect.mjs'
import { endOf } from '../ends.mjs'
import { Peer } from '../peer.mjs'
import { schemeNamed } from '../schemes.mjs'
import { Thread } from '../thread.mjs'
import { places } from '../world.mjs'
import { emptying } from './at-place.mjs'

const spoken = ['unix', 'unixpacket', 'tcp']

/** @type {readonly import('./index.mjs').Operation[]} */
export const others = [
  {
    name: 'startPeer',
    weight: 4,
    draw: (random) => ({
      listener: random.below(places.listeners),
      end: random.below(places.ends),
      at: random.below(places.peers),
      habit: random.pick(['talk', 'listen', 'deaf', 'leave']),
      options: { flowing: random.oneIn(2), takesFds: random.oneIn(2) },
    }),
    perform(world, { listener, end, at, habit, options }) {
      const listening = world.listeners[listener]
      if (listening === undefined || !spoken.includes(listening.scheme.name) || world.python === undefined) return
      listening.expect(end, options)
      world.put('peers', at, new Peer(world, habit, listening.listener.address))
    },
  },
  emptying('killPeer', 4, 'peers'),
  {
    // A process that sends descriptors to one that receives slowly. One place is theirs alone, so that there is one at a time.
    name: 'flood',
    weight: 1,
    draw: (random) => ({ end: random.below(places.ends), fds: random.pick([1, 20]) }),
    perform(world, { end, fds }) {
      if (world.python === undefined || !world.schemes.has('unixgram')) return
      const scheme = schemeNamed('unixgram')
      const done = (endpoint) => {
        const slow = endOf(world, endpoint, 'unixgram', { flowing: false })
        world.put('ends', end, slow)
        world.put('peers', 0, new Peer(world, `flood${fds}`, endpoint.local))
        slow.receive()
      }
      const bound = world.library.bind(world.freshAddress(scheme), { receiveFds: true })
      void world.watch(bound, 'bind for a flood', { done })
    },
  },
  {
    name: 'startWorker',
    weight: 2,
    draw: (random) => ({ at: random.below(places.workers) }),
    perform: (world, { at }) => world.put('workers', at, new Thread(world)),
  },
  {
    name: 'feedWorker',
    weight: 6,
    draw: (random) => ({
      at: random.below(places.workers),
      messages: random.between(1, 30),
      fds: random.between(1, 5),
      receives: random.between(0, 2),
    }),
    perform: (world, { at, ...portion }) => world.workers[at]?.feed(portion),
  },
  emptying('terminateWorker', 1, 'workers'),
  {
    name: 'collect',
    weight: 8,
    draw: () => ({}),
    perform: () => collect(),
  },
]
