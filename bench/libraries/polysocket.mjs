// polysocket, by the functions that the workloads call. Addresses are ports of 127.0.0.1, and paths: what the other libraries
// and the C reference take as well.
import { createServer } from 'node:http'
import { bind, connect, createConnection, listen } from '../../dist/index.js'
import { newPath } from './paths.mjs'

const MESSAGES_A_BATCH = 256
const MESSAGES_IN_FLIGHT = 64

const isInternet = (scheme) => scheme === 'tcp' || scheme === 'udp'
const textOf = (scheme, address) => (isInternet(scheme) ? `${scheme}://127.0.0.1:${address}` : `${scheme}:${address}`)
const newAddress = (scheme) => textOf(scheme, isInternet(scheme) ? 0 : newPath())
const told = (address) => String(address.port ?? address.path)
const streamOptions = (scheme) => (scheme === 'tcp' ? { noDelay: true } : {})

// ── Streams

export async function serve(scheme, onConnection) {
  const listener = await listen(newAddress(scheme), streamOptions(scheme))
  listener.on('connection', onConnection)
  return told(listener.address)
}

export const open = (scheme, address) => connect(textOf(scheme, address), streamOptions(scheme))

/** Returns at once, still connecting. */
export const create = (scheme, address) => createConnection(textOf(scheme, address), streamOptions(scheme))

export async function serveHttp(onRequest, options) {
  const server = createServer(options, onRequest)
  return serve('tcp', (socket) => server.emit('connection', socket))
}

// ── Messages

/** Calls back with the number of messages that came. */
export async function receive(scheme, by, onMessages) {
  const endpoint = await bind(newAddress(scheme))
  if (by === 'batches') endpoint.on('batch', (messages) => onMessages(messages.length))
  else endpoint.on('message', () => onMessages(1))
  return told(endpoint.local)
}

/** Gives a function that sends one message again and again, and resolves to how often the system took it. */
export async function sender(scheme, by, address) {
  const endpoint = await connect(textOf(scheme, address))
  return by === 'batches' ? sendBatches(endpoint) : sendEach(endpoint)
}

const sendBatches = (endpoint) => async (data, isRunning) => {
  let sent = 0
  while (isRunning()) {
    const postings = []
    for (let count = 0; count < MESSAGES_A_BATCH; count++) postings.push({ data })
    sent += (await endpoint.sendBatch(postings)).sent
  }
  return sent
}

const sendEach = (endpoint) => async (data, isRunning) => {
  let sent = 0
  while (isRunning()) {
    const sends = []
    for (let count = 0; count < MESSAGES_IN_FLIGHT; count++) sends.push(endpoint.send(data))
    await Promise.all(sends)
    sent += sends.length
  }
  return sent
}

export async function echoMessages(scheme) {
  const echo = (endpoint) => endpoint.on('message', ({ data, from }) => void endpoint.send(data, from))
  if (scheme === 'unixpacket') return serve(scheme, echo)
  const endpoint = await bind(newAddress(scheme))
  echo(endpoint)
  return told(endpoint.local)
}

export async function openMessages(scheme, address, onMessage) {
  const endpoint = await connect(textOf(scheme, address))
  endpoint.on('message', onMessage)
  return (data) => void endpoint.send(data)
}
