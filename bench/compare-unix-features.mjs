// What is tried, by feature and library: a function that throws where it does not work, or why there is nothing to try.
import { once } from 'node:events'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const noDatagrams = 'it has streams only'
const noStreams = 'it has datagrams only'
const noSequence = 'it has no SOCK_SEQPACKET'
const noDescriptors = 'it passes no descriptors'
const noCredentials = 'it does not tell the peer’s pid, uid and gid'
const callbacks = 'it has callbacks and events only'
const MiB = 1 << 20

function check(condition, message) {
  if (!condition) throw new Error(message)
}

/** The names of abstract sockets, as the kernel has them, a NUL being an @. */
const abstractNames = () => readFileSync('/proc/net/unix', 'utf8').match(/@\S*$/gm) ?? []

function checkExact(name) {
  const mine = abstractNames().filter((each) => each.startsWith(`@${name}`))
  check(mine.length > 0, 'it has no abstract names')
  check(mine.includes(`@${name}`), `it pads abstract names to ${mine[0].length} bytes`)
}

const exactName = `polysocket-compare-${process.pid}`

async function usocketPair({ UServer, USocket }, path) {
  const server = new UServer()
  server.listen(path)
  await once(server, 'listening')
  const client = new USocket(path)
  const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'connected')])
  client.on('error', () => {})
  return { server, client, peer }
}

async function netPair(net, path) {
  const server = net.createServer()
  server.listen(path)
  await once(server, 'listening')
  const client = net.connect(path)
  const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'connect')])
  return { server, client, peer }
}

/** 8 MiB against a reader that begins late: the writes are not called back before it does, and then all of it arrives. */
async function heldUp(writer, reader) {
  const chunk = Buffer.alloc(MiB)
  let received = 0
  let finished = false
  reader.pause()
  const writing = (async () => {
    for (let at = 0; at < 8; at++) {
      await new Promise((resolve, reject) => writer.write(chunk, (error) => (error ? reject(error) : resolve())))
    }
    finished = true
  })()
  await sleep(200)
  check(!finished, 'the writer runs ahead of a reader that does not read')
  reader.on('data', (data) => (received += data.length))
  reader.resume()
  await writing
  while (received < 8 * MiB) await sleep(10)
}

/** One request over a client's socket, to a server that is fed the other end. */
async function carryHttp(client, peer) {
  const server = http.createServer((_, response) => response.end('answer'))
  server.emit('connection', peer)
  const request = http.get({ host: 'compare.test', createConnection: () => client })
  const [response] = await once(request, 'response')
  check(String(Buffer.concat(await response.toArray())) === 'answer', 'the answer does not arrive')
}

const tooLong = (directory) => directory('x'.repeat(120))

export const features = {
  'datagrams (SOCK_DGRAM)': {
    polysocket: async ({ bind, connect }, file) => {
      const server = await bind(`unixgram:${file('socket')}`)
      await (await connect(`unixgram:${file('socket')}`)).send('message')
      check(String((await server.receive()).data) === 'message')
    },
    'unix-dgram': async ({ createSocket }, file) => {
      const server = createSocket('unix_dgram')
      server.bind(file('socket'))
      const arrived = once(server, 'message')
      createSocket('unix_dgram').send(Buffer.from('message'), 0, 7, file('socket'))
      check(String((await arrived)[0]) === 'message')
    },
    usocket: noDatagrams,
    'node:net': noDatagrams,
  },
  'the address to answer to': {
    polysocket: async ({ bind }, file) => {
      const server = await bind(`unixgram:${file('server')}`)
      await (await bind(`unixgram:${file('client')}`)).send('message', `unixgram:${file('server')}`)
      check((await server.receive()).from.path === file('client'))
    },
    'unix-dgram': async ({ createSocket }, file) => {
      const [server, client] = [createSocket('unix_dgram'), createSocket('unix_dgram')]
      server.bind(file('server'))
      client.bind(file('client'))
      const arrived = once(server, 'message')
      client.send(Buffer.from('message'), 0, 7, file('server'))
      const [, { path }] = await arrived
      check(path === file('client'), 'it does not tell where a datagram comes from')
    },
    usocket: noDatagrams,
    'node:net': noDatagrams,
  },
  'sequenced packets (SOCK_SEQPACKET)': {
    polysocket: async ({ listen, connect }, file) => {
      const server = await listen(`unixpacket:${file('socket')}`)
      const client = await connect(server.address)
      const peer = await server.accept()
      for (const text of ['one', 'two']) await client.send(text)
      for (const text of ['one', 'two']) check(String((await peer.receive()).data) === text)
    },
    'unix-dgram': noSequence,
    usocket: noSequence,
    'node:net': noSequence,
  },
  'abstract names, exact': {
    polysocket: async ({ listen }) => {
      await listen(`unix:@${exactName}`)
      checkExact(exactName)
    },
    'unix-dgram': async ({ createSocket }) => {
      createSocket('unix_dgram')
        .on('error', () => {})
        .bind(`\0${exactName}`)
      checkExact(exactName)
    },
    usocket: async ({ UServer }) => {
      const server = new UServer().on('error', () => {})
      server.listen(`\0${exactName}`)
      await sleep(100)
      checkExact(exactName)
    },
    'node:net': async (net) => {
      await once(net.createServer().listen(`\0${exactName}`), 'listening')
      checkExact(exactName)
    },
  },
  'a path that is too long is refused': {
    polysocket: async ({ listen }, file) => {
      const error = await listen(`unix:${tooLong(file)}`).catch((reason) => reason)
      check(error.code === 'ERR_ADDRESS_INVALID')
    },
    'unix-dgram': async ({ createSocket }, file) => {
      const socket = createSocket('unix_dgram')
      const failed = new Promise((resolve) => socket.on('error', () => resolve(true)))
      socket.bind(tooLong(file))
      check(await Promise.race([failed, sleep(200)]), 'it cuts a path that is too long')
    },
    usocket: async ({ UServer }, file) => {
      const server = new UServer()
      const failed = new Promise((resolve) => server.on('error', () => resolve(true)))
      try {
        server.listen(tooLong(file))
      } catch {
        return
      }
      check(await Promise.race([failed, sleep(200)]), 'it cuts a path that is too long')
    },
    'node:net': async (net, file) => {
      const server = net.createServer().listen(tooLong(file))
      await once(server, 'listening').catch(() => {})
      check(!server.listening || existsSync(tooLong(file)), 'it cuts a path that is too long')
    },
  },
  'descriptors, both ways': {
    polysocket: async ({ socketpair }, file) =>
      passDescriptor(socketpair('unix'), file, (from, fd) => from.writeWithFds(Buffer.from('x'), [fd])),
    'unix-dgram': noDescriptors,
    usocket: async (usocket, file) => {
      const { client, peer } = await usocketPair(usocket, file('socket'))
      await passDescriptor([client, peer], file, (from, fd) => from.write({ data: Buffer.from('x'), fds: [fd] }))
    },
    'node:net': noDescriptors,
  },
  'descriptors with datagrams': {
    polysocket: async ({ bind, connect }, file) => {
      const server = await bind(`unixgram:${file('socket')}`, { receiveFds: true })
      writeFileSync(file('passed'), 'content')
      const fd = openSync(file('passed'), 'r')
      const client = await connect(`unixgram:${file('socket')}`)
      await client.send('x', undefined, { fds: [fd] })
      const { fds } = await server.receive()
      check(fstatSync(fds[0]).ino === fstatSync(fd).ino)
    },
    'unix-dgram': noDescriptors,
    usocket: noDatagrams,
    'node:net': noDatagrams,
  },
  'credentials of the peer': {
    polysocket: async ({ socketpair }) => {
      check(socketpair('unix')[0].peerCredentials().pid === process.pid)
    },
    'unix-dgram': noCredentials,
    usocket: noCredentials,
    'node:net': noCredentials,
  },
  'a slow reader holds up the writer': {
    polysocket: async ({ socketpair }) => heldUp(...socketpair('unix')),
    'unix-dgram': async ({ createSocket }, file) => {
      const [server, client] = [createSocket('unix_dgram'), createSocket('unix_dgram')]
      server.bind(file('socket'))
      client.connect(file('socket'))
      const full = await new Promise((resolve) => {
        const fill = (left) =>
          client.send(Buffer.from('x'), (error) => (error || left === 0 ? resolve(error) : fill(left - 1)))
        fill(2000)
      })
      check(full, 'send says nothing of a full receiver')
      const writable = once(client, 'writable')
      server.on('message', () => {})
      check(await Promise.race([writable, sleep(2000)]), 'it does not tell when there is room again')
    },
    usocket: async (usocket, file) => {
      const { client, peer } = await usocketPair(usocket, file('socket'))
      await heldUp(client, peer)
    },
    'node:net': async (net, file) => {
      const { client, peer } = await netPair(net, file('socket'))
      await heldUp(client, peer)
    },
  },
  'carries node:http': {
    polysocket: async ({ socketpair }) => carryHttp(...socketpair('unix')),
    'unix-dgram': noStreams,
    usocket: async (usocket, file) => {
      const { client, peer } = await usocketPair(usocket, file('socket'))
      await carryHttp(client, peer)
    },
    'node:net': async (net, file) => {
      const { client, peer } = await netPair(net, file('socket'))
      await carryHttp(client, peer)
    },
  },
  'promises, with AbortSignal and timeout': {
    polysocket: async ({ bind }, file) => {
      const socket = await bind(`unixgram:${file('socket')}`)
      const late = await socket.receive({ timeout: 20 }).catch(({ code }) => code)
      const aborted = await socket.receive({ signal: AbortSignal.abort() }).catch(({ name }) => name)
      check(late === 'ETIMEDOUT' && aborted === 'AbortError')
    },
    'unix-dgram': callbacks,
    usocket: callbacks,
    'node:net': callbacks,
  },
}

/** A descriptor there, and one back, each of the very file. */
async function passDescriptor([one, other], file, send) {
  writeFileSync(file('passed'), 'content')
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    const fd = openSync(file('passed'), 'r')
    const arrived = once(to, 'fds')
    to.on('data', () => {})
    send(from, fd)
    const [[received]] = await arrived
    check(fstatSync(received).ino === fstatSync(fd).ino, 'another file arrives')
    closeSync(received)
    closeSync(fd)
  }
}
