// What the sockets of idle.mjs are brought to: how each is opened, what it does itself, and what its peer does.
import { loadAddon } from '../../../dist/engine/addon.js'

const small = Buffer.alloc(1000)
const tooLong = Buffer.alloc(300_000)
const large = Buffer.alloc(4 << 20)
const SHUT_RD = 0
const SHUT_RDWR = 2
/** IP_RECVERR of ip(7). */
const receiveErrors = [{ level: 0, name: 11 }, int(1)]
/** SO_TIMESTAMPING of socket(7), with SOF_TIMESTAMPING_TX_SOFTWARE and SOF_TIMESTAMPING_SOFTWARE: when messages went out. */
const timestampSent = [{ level: 1, name: 37 }, int(0b10010)]

function int(value) {
  return Buffer.from(Int32Array.of(value).buffer)
}

const ignore = () => undefined
const send = (socket, data, to) => void socket.send(data, to).catch(ignore)

function fill(socket, to) {
  for (let count = 0; count < 400; count++) send(socket, small, to)
}

/** `socket.trySend` until it says no. */
function tryUntilFull(socket, to) {
  try {
    for (let count = 0; count < 400 && socket.trySend(small, to); count++);
  } catch {}
}

/** As another process does that has the same socket: the engine knows nothing of it. */
function shutDown(socket, how) {
  if (socket.fd !== undefined) loadAddon().addon.shutdown(socket.fd, how)
}

function sendUnseen(socket) {
  if (socket.fd !== undefined) loadAddon().addon.send(socket.fd, small, 0, 1)
}

/** Each may return what it does once the peer has done its part. */
const messageStates = {
  untouched: ignore,
  reads: (socket) => void socket.on('message', ignore),
  paused: (socket) => void socket.on('message', ignore).pause(),
  'has messages waiting': fill,
  'has messages waiting and reads': (socket, to) => {
    socket.on('message', ignore)
    fill(socket, to)
  },
  'has messages waiting, the last of which is too long': (socket, to) => {
    fill(socket, to)
    send(socket, tooLong, to)
  },
  'was told that there is no room': tryUntilFull,
  'sends afterwards': (socket, to) => () => {
    send(socket, 'x', to)
    setTimeout(send, 20, socket, 'x', to)
  },
  'sends afterwards and reads': (socket, to) => {
    socket.on('message', ignore)
    return () => send(socket, 'x', to)
  },
  'sends many afterwards': (socket, to) => () => fill(socket, to),
  'was sent on by somebody else': (socket) => () => {
    for (let time = 0; time < 100; time += 20) setTimeout(sendUnseen, time, socket)
  },
  'was shut down for reading': (socket) => void shutDown(socket, SHUT_RD),
  'reads and was shut down for reading': (socket) => {
    socket.on('message', ignore)
    shutDown(socket, SHUT_RD)
  },
  'was shut down': (socket) => void shutDown(socket, SHUT_RDWR),
  'has messages waiting and was shut down': (socket, to) => {
    fill(socket, to)
    return () => shutDown(socket, SHUT_RDWR)
  },
}

/** The same with what fills the error queue of a socket. */
function withErrors(states, names, [option, value]) {
  return Object.fromEntries(
    names.map((name) => [
      `sets option ${option.name}, ${name}`,
      (socket, to) => {
        socket.setOption(option, value)
        return states[name](socket, to)
      },
    ]),
  )
}

const udpStates = {
  ...messageStates,
  ...withErrors(
    messageStates,
    ['untouched', 'reads', 'sends afterwards', 'sends afterwards and reads', 'sends many afterwards'],
    receiveErrors,
  ),
  ...withErrors(messageStates, ['sends afterwards', 'sends afterwards and reads'], timestampSent),
}

const streamStates = {
  untouched: ignore,
  reads: (socket) => void socket.resume(),
  paused: (socket) => void socket.resume().pause(),
  'has bytes waiting': (socket) => void socket.write(large),
  'has bytes waiting and reads': (socket) => void socket.resume().write(large),
  ended: (socket) => void socket.end(),
  'ended and reads': (socket) => void socket.resume().end('x'),
  'has bytes waiting and ended': (socket) => void socket.end(large),
  'writes afterwards': (socket) => () => {
    socket.write('x')
    setTimeout(() => socket.write('x'), 20)
  },
  'writes afterwards and reads': (socket) => {
    socket.resume()
    return () => void socket.write('x')
  },
  'was shut down for reading': (socket) => void shutDown(socket, SHUT_RD),
  'was shut down': (socket) => void shutDown(socket, SHUT_RDWR),
}

const tcpStates = {
  ...streamStates,
  ...withErrors(streamStates, ['reads', 'has bytes waiting', 'writes afterwards and reads'], timestampSent),
}

const listenerStates = {
  untouched: ignore,
  accepts: (listener) => void listener.on('connection', (endpoint) => endpoint.on('error', ignore)),
  'accepts one': (listener) => void listener.accept().then((endpoint) => endpoint.on('error', ignore), ignore),
}

const gonePeers = ['closes', 'is killed', 'restarts']
const messagePeers = ['is idle', 'reads', 'reads no more', 'shuts down', ...gonePeers]
const connectionPeers = [...messagePeers, 'ends', 'sends and closes']

/** How sockets are opened, as far as it makes a difference to waiting. `opened`: by connect, or by bind. */
export const kinds = {
  'udp, connected': { scheme: 'udp', own: udpStates, peers: messagePeers },
  'udp, bound': { scheme: 'udp', isBound: true, own: udpStates, peers: messagePeers },
  'unixgram, connected': { scheme: 'unixgram', own: messageStates, peers: messagePeers },
  'unixgram, bound': { scheme: 'unixgram', isBound: true, own: messageStates, peers: messagePeers },
  unixpacket: { scheme: 'unixpacket', own: messageStates, peers: connectionPeers },
  unix: { scheme: 'unix', own: streamStates, peers: connectionPeers },
  tcp: { scheme: 'tcp', own: tcpStates, peers: [...connectionPeers, 'resets'] },
  "unix, Node's engine": { scheme: 'unix', engine: 'node', own: streamStates, peers: connectionPeers },
  "tcp, Node's engine": { scheme: 'tcp', engine: 'node', own: streamStates, peers: [...connectionPeers, 'resets'] },
}

/** Both ends are ours: what there is no other process for (memory), and pairs. */
export const pairs = {
  unix: { scheme: 'unix', own: streamStates },
  unixgram: { scheme: 'unixgram', own: messageStates },
  unixpacket: { scheme: 'unixpacket', own: messageStates },
  memory: { scheme: 'memory', own: streamStates },
  memorygram: { scheme: 'memorygram', own: messageStates },
}

export const pairPeers = {
  'is idle': ignore,
  reads: (peer) => void ('write' in peer ? peer.resume() : peer.on('message', ignore)),
  ends: (peer) => void ('write' in peer ? peer.end() : undefined),
  closes: (peer) => void ('write' in peer ? peer.destroy() : peer.close()),
  'sends and closes': async (peer) => {
    if ('write' in peer) peer.end('unread', () => peer.destroy())
    else await peer.send('unread').then(() => peer.close(), ignore)
  },
}

export const listeners = {
  unix: { scheme: 'unix', own: listenerStates },
  unixpacket: { scheme: 'unixpacket', own: listenerStates },
  tcp: { scheme: 'tcp', own: listenerStates },
  "unix, Node's engine": { scheme: 'unix', engine: 'node', own: listenerStates },
  "tcp, Node's engine": { scheme: 'tcp', engine: 'node', own: listenerStates },
  memory: { scheme: 'memory', own: listenerStates },
}

/** What happens to a listener. `client` connects to it. */
export const listenerFates = {
  'nothing comes': ignore,
  'a client waits': async (_listener, client) => void (await client()),
  'clients came and went': async (_listener, client) => {
    for (let count = 0; count < 3; count++) (await client()).destroy?.()
  },
  'it was shut down for reading': (listener) => shutDown(listener, SHUT_RD),
  'it was shut down': (listener) => shutDown(listener, SHUT_RDWR),
}
