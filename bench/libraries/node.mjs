// Node's own net, dgram and http, by the functions that the workloads call. Addresses are ports of 127.0.0.1, and paths.
import dgram from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import net from 'node:net'
import { newPath } from './paths.mjs'

const HOST = '127.0.0.1'
const MESSAGES_IN_FLIGHT = 64

// ── Streams

const portOrPath = (scheme, address) =>
  scheme === 'tcp' ? { port: Number(address), host: HOST, noDelay: true } : { path: address }

async function listening(server, scheme) {
  const path = newPath()
  server.listen(scheme === 'tcp' ? { port: 0, host: HOST } : { path })
  await once(server, 'listening')
  return scheme === 'tcp' ? String(server.address().port) : path
}

export const serve = (scheme, onConnection) =>
  listening(net.createServer({ noDelay: scheme === 'tcp' }, onConnection), scheme)

export async function open(scheme, address) {
  const socket = create(scheme, address)
  await once(socket, 'connect')
  return socket
}

/** Returns at once, still connecting. */
export const create = (scheme, address) => net.connect(portOrPath(scheme, address))

export const serveHttp = (onRequest, options) =>
  listening(createServer({ ...options, noDelay: true }, onRequest), 'tcp')

// ── Messages: udp, and over a stream what Node has no sockets for

/** Calls back with the number of messages that came. */
export async function receive(_scheme, _by, onMessages) {
  const socket = await boundSocket()
  socket.on('message', () => onMessages(1))
  return String(socket.address().port)
}

/** Gives a function that sends one message again and again, and resolves to how often the system took it. */
export async function sender(_scheme, _by, port) {
  const socket = await connectedSocket(port)
  return (data, isRunning) =>
    new Promise((resolve, reject) => {
      let sent = 0
      let inFlight = 0
      const send = () => {
        inFlight++
        socket.send(data, taken)
      }
      const taken = (error) => {
        inFlight--
        if (error) return reject(error)
        sent++
        if (isRunning()) send()
        else if (inFlight === 0) resolve(sent)
      }
      for (let count = 0; count < MESSAGES_IN_FLIGHT; count++) send()
    })
}

export async function echoMessages(scheme) {
  if (scheme !== 'udp') throw new Error(`node:dgram has no ${scheme}`)
  const socket = await boundSocket()
  socket.on('message', (data, { port, address }) => socket.send(data, port, address))
  return String(socket.address().port)
}

export async function openMessages(_scheme, port, onMessage) {
  const socket = await connectedSocket(port)
  socket.on('message', onMessage)
  return (data) => socket.send(data)
}

async function boundSocket() {
  const socket = dgram.createSocket('udp4').bind(0, HOST)
  await once(socket, 'listening')
  return socket
}

async function connectedSocket(port) {
  const socket = dgram.createSocket('udp4')
  socket.connect(Number(port), HOST)
  await once(socket, 'connect')
  return socket
}
