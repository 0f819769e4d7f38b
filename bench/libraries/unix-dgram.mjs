// The package unix-dgram, which ../peers.mjs installs, by the functions that the workloads call. Addresses are paths.
import { createRequire } from 'node:module'
import { peersFolder } from '../peers.mjs'
import { newPath } from './paths.mjs'

const { createSocket } = createRequire(`${peersFolder}/`)('unix-dgram')
/** Between two looks at the clock; its sends are synchronous. */
const MESSAGES_A_LOOK = 64

/** Calls back with the number of messages that came: always one. */
export async function receive(_scheme, _by, onMessages) {
  const path = newPath()
  const socket = createSocket('unix_dgram', () => onMessages(1))
  socket.bind(path)
  return path
}

/** Gives a function that sends one message again and again, and resolves to how often the system took it. */
export async function sender(_scheme, _by, path) {
  const socket = createSocket('unix_dgram')
  socket.connect(path)
  return (data, isRunning) =>
    new Promise((resolve, reject) => {
      let sent = 0
      let congested = false
      // It calls back before `send` returns. A message that finds the receiver full is not sent; 'writable' tells of room.
      const taken = (error) => {
        if (error === undefined) sent++
        else if (error.message === 'congestion') congested = true
        else reject(error)
      }
      const fill = () => {
        congested = false
        while (isRunning()) {
          for (let count = 0; count < MESSAGES_A_LOOK && !congested; count++) socket.send(data, taken)
          if (congested) return
        }
        socket.off('writable', fill)
        resolve(sent)
      }
      socket.on('writable', fill)
      fill()
    })
}
