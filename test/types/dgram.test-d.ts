// Checked by `npm run types`: a socket of ours is taken where one of Node's is.
import type { Socket as NodeSocket, RemoteInfo } from 'node:dgram'
import { createSocket } from '../../src/dgram.ts'

declare function takesNodes(socket: NodeSocket): void

const socket = createSocket({ type: 'udp4', reuseAddr: true }, (message, from) => {
  const bytes: Buffer = message
  const sender: RemoteInfo = from
  socket.send(bytes, sender.port, sender.address)
})
takesNodes(socket)
socket.on('message', (message, from) => message.subarray(from.size))
socket.on('error', (error) => error.message)
socket.bind({ port: 0, exclusive: true }, () => socket.address().port.toFixed())
socket.send(['a', Buffer.from('b')], 9, 'localhost', (error, bytes) => error?.message ?? bytes)

createSocket({ scheme: 'unixgram' }).bind('unixgram:/run/x').send('x', 'unixgram:/dev/log')
createSocket({ scheme: 'unixgram' }).send('x', { family: 'unix', scheme: 'unixgram', path: '/dev/log' })
// @ts-expect-error a type or a scheme is needed
createSocket({})
// @ts-expect-error not a type
createSocket('tcp')
