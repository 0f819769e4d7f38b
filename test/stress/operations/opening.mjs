// Operations that open: pairs, listeners, connections, bound sockets.
import { endOf } from '../ends.mjs'
import { Listening } from '../listening.mjs'
import { schemeNamed, schemes } from '../schemes.mjs'
import { places } from '../world.mjs'

const connected = schemes.filter((scheme) => scheme.connected)
const bound = schemes.filter((scheme) => !scheme.connected)
const paired = schemes.filter((scheme) => scheme.paired)
const passing = ['unixgram', 'unixpacket']
/** Either engine has them, so that a listener and who connects to it may have different ones. */
const choosable = ['tcp', 'udp']

/** @type {readonly import('./index.mjs').Operation[]} */
export const opening = [
  {
    name: 'pair',
    weight: 10,
    draw: (random) => ({
      scheme: random.pick(paired).name,
      first: place(random),
      second: place(random),
      options: drawOptions(random),
    }),
    perform(world, { scheme, first, second, options }) {
      if (!world.schemes.has(scheme)) return
      const [one, other] = world.library.socketpair(scheme, optionsFor(scheme, options))
      world.put('ends', first, endOf(world, one, scheme, options))
      world.put('ends', second, endOf(world, other, scheme, options))
    },
  },
  {
    name: 'listen',
    weight: 6,
    draw: (random) => ({
      scheme: random.pick(connected).name,
      at: random.below(places.listeners),
      byEvent: random.oneIn(2),
      backlog: random.pick([undefined, 1, 100]),
      maxConnections: random.pick([undefined, undefined, 2]),
      engine: drawEngine(random),
      options: drawOptions(random),
    }),
    perform(world, { scheme: name, at, byEvent, backlog, maxConnections, engine, options }) {
      if (!world.schemes.has(name)) return
      const scheme = schemeNamed(name)
      const listening = world.library.listen(world.freshAddress(scheme), {
        ...settingsFor(name, engine, options),
        backlog,
        maxConnections,
      })
      const done = (listener) => world.put('listeners', at, new Listening(world, listener, scheme, byEvent))
      void world.watch(listening, `listen on ${name}`, { done })
    },
  },
  {
    name: 'connect',
    weight: 18,
    draw: (random) => ({
      to: random.below(places.listeners),
      near: place(random),
      far: place(random),
      atOnce: random.oneIn(3),
      abortAfter: random.oneIn(6) ? random.below(3) : undefined,
      engine: drawEngine(random),
      options: drawOptions(random),
    }),
    perform(world, { to, near, far, atOnce, abortAfter, engine, options }) {
      const listening = world.listeners[to]
      if (listening === undefined) return
      const { listener, scheme } = listening
      listening.expect(far, options)
      const controller = new AbortController()
      const { signal } = controller
      const all = { ...settingsFor(scheme.name, engine, options), signal }
      const put = (endpoint) => world.put('ends', near, endOf(world, endpoint, scheme.name, options))
      if (atOnce && scheme.kind === 'stream') put(world.library.createConnection(listener.address, all))
      else void world.watch(world.library.connect(listener.address, all), `connect to ${scheme.name}`, { done: put })
      if (abortAfter === 0) controller.abort()
      else if (abortAfter !== undefined) setTimeout(() => controller.abort(), abortAfter)
    },
  },
  {
    name: 'bind',
    weight: 8,
    draw: (random) => ({
      scheme: random.pick(bound).name,
      at: place(random),
      engine: drawEngine(random),
      options: drawOptions(random),
    }),
    perform(world, { scheme: name, at, engine, options }) {
      if (!world.schemes.has(name)) return
      const scheme = schemeNamed(name)
      const all = settingsFor(name, engine, options)
      const done = (endpoint) => world.put('ends', at, endOf(world, endpoint, name, options))
      void world.watch(world.library.bind(world.freshAddress(scheme), all), `bind of ${name}`, { done })
    },
  },
  {
    name: 'reach',
    weight: 8,
    draw: (random) => ({
      to: place(random),
      near: place(random),
      engine: drawEngine(random),
      options: drawOptions(random),
    }),
    perform(world, { to, near, engine, options }) {
      const { scheme, address } = world.ends[to] ?? {}
      if (address === undefined || address.unnamed || !bound.some(({ name }) => name === scheme)) return
      const all = settingsFor(scheme, engine, options)
      const done = (endpoint) => world.put('ends', near, endOf(world, endpoint, scheme, options))
      void world.watch(world.library.connect(address, all), `connect to a bound ${scheme}`, { done })
    },
  },
]

function place(random) {
  return random.below(places.ends)
}

function drawOptions(random) {
  return {
    flowing: !random.oneIn(3),
    takesFds: random.oneIn(2),
    allowHalfOpen: random.oneIn(3),
    highWaterMark: random.pick([undefined, 1, 1000, 100_000]),
    receiveQueue: random.pick([undefined, undefined, 1, 16]),
    sendQueue: random.pick([undefined, undefined, 1, 16]),
  }
}

function optionsFor(scheme, { flowing: _flowing, takesFds, ...options }) {
  return passing.includes(scheme) ? { ...options, receiveFds: takesFds } : options
}

function drawEngine(random) {
  return random.oneIn(6) ? 'node' : undefined
}

function settingsFor(scheme, engine, options) {
  const all = optionsFor(scheme, options)
  return choosable.includes(scheme) ? { ...all, engine } : all
}
