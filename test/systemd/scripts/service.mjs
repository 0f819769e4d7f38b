// A service that is activated by sockets. It reports what it was given, echoes to the first that comes, closes
// everything, and reports what is still open. Arguments, all optional: `keep` leaves the environment as it is.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { listenFds } from 'polysocket/systemd'

// Of all descriptors the sockets: Node opens others on the way.
const openSockets = () => readdirSync('/proc/self/fd').filter(isSocket).length
const report = (what) => console.log(JSON.stringify(what))
const variables = () => Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))
const O_CLOEXEC = 0o2000000
const isCloseOnExec = (fd) =>
  (Number.parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`))[1], 8) & O_CLOEXEC) !== 0

const before = openSockets()
const fds = listenFds({ unsetEnvironment: process.argv[2] !== 'keep' })
const kept = variables()
const numberOf = (each) => (each.kind === 'file' ? each.fd : each.socket.fd)
report({
  given: fds.all.map(({ name, kind, socket }) => ({
    name,
    kind,
    scheme: (kind.endsWith('listener') ? socket.address : socket?.local)?.scheme,
  })),
  numbers: fds.all.map(numberOf),
  closeOnExec: fds.all.every((each) => isCloseOnExec(numberOf(each))),
  again: listenFds() === fds,
  kept,
  variables: variables(),
})

const close = ({ kind, socket }) => (kind === 'stream' ? socket[Symbol.asyncDispose]() : socket?.close())
await Promise.race(fds.all.map(echo))
for (const each of fds) await close(each)
await sleep(10)
report({ closed: before - openSockets() })

async function echo({ name, kind, socket }) {
  if (kind === 'stream') {
    for await (const chunk of socket) {
      await new Promise((resolve) => socket.end(`${name}: ${chunk}`, resolve))
      return
    }
  }
  if (kind === 'datagram') {
    const { data, from } = await socket.receive()
    await socket.send(`${name}: ${data}`, from)
  }
  if (kind === 'packet-listener') {
    const peer = await socket.accept()
    const { data } = await peer.receive()
    await peer.send(`${name}: ${data}`)
    await peer.close()
  }
  if (kind === 'listener') await echo({ name, kind: 'stream', socket: await socket.accept() })
}

function isSocket(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
  } catch {
    // It was the one that read the directory.
    return false
  }
}
