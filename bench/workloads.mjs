// What is measured. A workload has a server, which says where it listens, and a client, which says how many units a second
// went through; each gets the library that it is to use, behind a few functions of the same shape.
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { bind, connect, formatAddress, listen } from '../dist/index.js'

// In the working directory, which is the run's own.
const socketPath = () => `${process.cwd()}/${process.pid}.sock`

/** Streams: `serve` calls back with each connection and gives the address to hand to `open`. */
const streams = {
  tcp: {
    polysocket: {
      async serve(onConnection) {
        const listener = await listen('tcp://127.0.0.1:0', { noDelay: true })
        listener.on('connection', onConnection)
        return formatAddress(listener.address)
      },
      open: (address) => connect(address, { noDelay: true }),
    },
    node: {
      async serve(onConnection) {
        const server = net.createServer({ noDelay: true }, onConnection).listen(0, '127.0.0.1')
        await once(server, 'listening')
        return String(server.address().port)
      },
      async open(port) {
        const socket = net.connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
        await once(socket, 'connect')
        return socket
      },
    },
  },
  unix: {
    polysocket: {
      async serve(onConnection) {
        const listener = await listen(`unix:${socketPath()}`)
        listener.on('connection', onConnection)
        return formatAddress(listener.address)
      },
      open: (address) => connect(address),
    },
    node: {
      async serve(onConnection) {
        const path = socketPath()
        await once(net.createServer(onConnection).listen(path), 'listening')
        return path
      },
      async open(path) {
        const socket = net.connect(path)
        await once(socket, 'connect')
        return socket
      },
    },
  },
}

/** UDP: `receive` calls back with the number of messages that came; `send` offers them as fast as it may. */
const udp = {
  polysocket: {
    async receiver(onMessages) {
      const endpoint = await bind('udp://127.0.0.1:0')
      endpoint.on('batch', (messages) => onMessages(messages.length))
      return formatAddress(endpoint.local)
    },
    async sender(address, message, running) {
      const endpoint = await connect(address)
      while (running()) {
        const sends = []
        for (let count = 0; count < 64; count++) sends.push(endpoint.send(message))
        await Promise.all(sends)
        // As the other one does: let the loop turn.
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  },
  node: {
    async receiver(onMessages) {
      const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
      socket.on('message', () => onMessages(1))
      await once(socket, 'listening')
      return String(socket.address().port)
    },
    async sender(port, message, running) {
      const socket = dgram.createSocket('udp4')
      socket.connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      while (running()) {
        await new Promise((resolve) => {
          let left = 64
          for (let count = 0; count < 64; count++) socket.send(message, () => --left === 0 && resolve())
        })
      }
    },
  },
}

const until = (milliseconds) => {
  const end = performance.now() + milliseconds
  return () => performance.now() < end
}

/** The client writes as fast as it may; the server counts what arrived, and tells at the end. */
const throughput = (libraries, chunkSize) => ({
  unit: 'MB/s',
  scale: 1e6,
  libraries,
  async server(library) {
    const address = await library.serve((socket) => {
      let bytes = 0
      socket.on('data', (chunk) => {
        bytes += chunk.length
      })
      socket.on('end', () => socket.end(String(bytes)))
      socket.on('error', () => undefined)
    })
    return { address }
  },
  async client(library, milliseconds, address) {
    const socket = await library.open(address)
    const chunk = Buffer.alloc(chunkSize, 'x')
    const started = performance.now()
    const running = until(milliseconds)
    const write = () => {
      while (running()) {
        if (!socket.write(chunk)) {
          socket.once('drain', write)
          return
        }
      }
      socket.end()
    }
    write()
    const [count] = await once(socket, 'data')
    return { rate: Number(count) / ((performance.now() - started) / 1000) }
  },
})

/** The client sends 64 bytes, waits for them to come back, and sends again. */
const roundTrips = (libraries) => ({
  unit: 'thousand/s',
  scale: 1e3,
  libraries,
  async server(library) {
    const address = await library.serve((socket) => {
      socket.on('data', (chunk) => socket.write(chunk))
      socket.on('error', () => undefined)
    })
    return { address }
  },
  async client(library, milliseconds, address) {
    const socket = await library.open(address)
    const message = Buffer.alloc(64, 'x')
    const running = until(milliseconds)
    const started = performance.now()
    let trips = 0
    return new Promise((resolve) => {
      socket.on('data', () => {
        trips++
        if (running()) socket.write(message)
        else resolve({ rate: trips / ((performance.now() - started) / 1000) })
      })
      socket.write(message)
    })
  },
})

/** One way, as fast as the sender may. Only what arrives counts, so the receiver tells the rate. */
const datagrams = (libraries, size) => ({
  unit: 'thousand/s',
  scale: 1e3,
  libraries,
  async server(library) {
    let messages = 0
    let first = 0
    let last = 0
    const address = await library.receiver((count) => {
      last = performance.now()
      if (messages === 0) first = last
      messages += count
    })
    return { address, report: () => ({ rate: messages / ((last - first) / 1000) }) }
  },
  async client(library, milliseconds, address) {
    await library.sender(address, Buffer.alloc(size, 'x'), until(milliseconds))
    return {}
  },
})

export const workloads = {
  'tcp throughput, 64 KiB writes': throughput(streams.tcp, 65_536),
  'unix throughput, 64 KiB writes': throughput(streams.unix, 65_536),
  'tcp writes of 100 B': throughput(streams.tcp, 100),
  'unix writes of 100 B': throughput(streams.unix, 100),
  'tcp round trips of 64 B': roundTrips(streams.tcp),
  'unix round trips of 64 B': roundTrips(streams.unix),
  'udp messages of 64 B': datagrams(udp, 64),
  'udp messages of 1200 B': datagrams(udp, 1200),
}
