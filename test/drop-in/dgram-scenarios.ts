import type dgram from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** What both modules offer, as far as the scenarios go: the type of Node's. */
export type Dgram = Pick<typeof dgram, 'createSocket' | 'Socket'>

export type Note = (...what: unknown[]) => void

/** Something to do with sockets, noting each thing that can be seen from outside, in order. */
export type Scenario = (module: Dgram, note: Note) => Promise<void>

/** Ports differ from run to run. */
function constant(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, code, syscall, address } = value as NodeJS.ErrnoException & { address?: string }
    return { name, message: message.replace(/:\d+$/, ':port'), code, syscall, address, keys: Object.keys(value) }
  }
  if (Buffer.isBuffer(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === 'port' ? one > 0 : one]))
}

export async function notesOf(module: Dgram, scenario: Scenario): Promise<unknown[]> {
  const notes: unknown[] = []
  await scenario(module, (...what) => void notes.push(what.map(constant)))
  return notes
}

const events = ['listening', 'connect', 'close', 'error', 'message'] as const

function watch(note: Note, name: string, socket: dgram.Socket): dgram.Socket {
  for (const event of events) socket.on(event, (...what: unknown[]) => note(name, event, ...what))
  return socket
}

function attempt(note: Note, what: string, work: () => unknown): void {
  try {
    note(what, work())
  } catch (error) {
    note(what, 'threw', error)
  }
}

async function pair(module: Dgram, note: Note): Promise<{ a: dgram.Socket; b: dgram.Socket; port: number }> {
  const a = watch(note, 'a', module.createSocket('udp4'))
  const b = watch(note, 'b', module.createSocket('udp4'))
  a.bind(0, '127.0.0.1')
  await once(a, 'listening')
  return { a, b, port: a.address().port }
}

async function closed(...sockets: dgram.Socket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => void socket.close(resolve))))
}

export const scenarios: Readonly<Record<string, Scenario>> = {
  'bind: what comes when'(module, note) {
    return new Promise((resolve) => {
      const socket = watch(note, 'a', module.createSocket('udp4'))
      note('returns itself', socket.bind(0, '127.0.0.1', () => note('callback', socket.address())) === socket)
      process.nextTick(() => note('tick'))
      attempt(note, 'bind again', () => socket.bind(0))
      socket.once('listening', () => {
        note('returns itself', socket.close(() => setImmediate(resolve)) === socket)
        process.nextTick(() => note('tick after close'))
        attempt(note, 'close again', () => socket.close())
        attempt(note, 'address', () => socket.address())
      })
      note('synchronous part done')
    })
  },

  async 'bind: with a lookup that answers at once, at once'(module, note) {
    const socket = module.createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) })
    socket.bind(0, '127.0.0.1')
    note(socket.address())
    await closed(socket)
  },

  async 'bind: what the system refuses'(module, note) {
    const { a, b, port } = await pair(module, note)
    b.bind(port, '127.0.0.1', () => note('never'))
    await once(b, 'error').catch(note)
    b.bind({ address: '192.0.2.1' })
    await once(b, 'error').catch(note)
    b.bind({ address: '::1' })
    await once(b, 'error').catch(note)
    b.bind({ port: 0, address: '127.0.0.1', exclusive: true }, () => note('now'))
    await once(b, 'listening')
    await closed(a, b)
  },

  async 'send: all forms'(module, note) {
    const { a, b, port } = await pair(module, note)
    const done = (name: string) => (error: Error | null, bytes: number) => note(name, error, bytes)
    b.send('implicit bind', port, done('1'))
    b.send(['par', Buffer.from('ts'), new Uint16Array([0x4141])], port, '127.0.0.1', done('2'))
    b.send(Buffer.from('<part>'), 1, 4, port, done('3'))
    b.send(Buffer.from('<part>'), 1, 4, port, '127.0.0.1', done('4'))
    b.send(new DataView(new ArrayBuffer(3)), port, '', done('5'))
    b.send([], port, done('6'))
    b.send('no callback', port)
    note('all given')
    for (let count = 0; count < 7; count++) await once(a, 'message')
    await closed(a, b)
  },

  async 'send: each message is seen by who awaits them one by one'(module, note) {
    const { a, b, port } = await pair(module, () => {})
    for (let count = 0; count < 100; count++) b.send(`message ${count}`, port, '127.0.0.1')
    for (let count = 0; count < 100; count++) note((await once(a, 'message'))[0])
    await closed(a, b)
  },

  async 'send: what the system refuses'(module, note) {
    const { a, b, port } = await pair(module, note)
    const sent = (data: string | Buffer, to: number, host: string) =>
      new Promise<void>((resolve) => b.send(data, to, host, (...result) => resolve(note(...result))))
    await sent(Buffer.alloc(70_000), port, '127.0.0.1')
    await sent('broadcast without permission', port, '255.255.255.255')
    await sent('other version', port, '::1')
    b.send(Buffer.alloc(70_000), port, '127.0.0.1')
    await sent('goes on', port, '127.0.0.1')
    await once(a, 'message')
    await closed(a, b)
  },

  async 'send: a name that is not found'(module, note) {
    const failure = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    const lookup: dgram.SocketOptions['lookup'] = (host, _, done) =>
      process.nextTick(() => (host === 'nowhere' ? done(failure, '', 4) : done(null, host, 4)))
    const socket = watch(note, 'a', module.createSocket({ type: 'udp4', lookup }))
    socket.send('x', 9, 'nowhere', (...result) => note('callback', ...result))
    await once(socket, 'listening')
    await sleep(20)
    socket.send('x', 9, 'nowhere')
    await once(socket, 'error').catch(note)
    await closed(socket)
    const other = watch(note, 'b', module.createSocket({ type: 'udp4', lookup }))
    other.bind(0, 'nowhere')
    await once(other, 'error').catch(note)
    await closed(other)
  },

  async 'send: then close at once'(module, note) {
    const { a, b, port } = await pair(module, note)
    b.send('dropped', port, '127.0.0.1', () => note('never'))
    b.close(() => note('closed'))
    await once(b, 'close')
    const c = module.createSocket('udp4')
    c.connect(port, '127.0.0.1')
    await once(c, 'connect')
    c.send('arrives')
    c.close()
    await once(a, 'message')
    await closed(a)
  },

  async 'connect and disconnect'(module, note) {
    const { a, b, port } = await pair(module, note)
    attempt(note, 'disconnect', () => b.disconnect())
    attempt(note, 'remoteAddress', () => b.remoteAddress())
    b.connect(port, '127.0.0.1', () => note('callback'))
    attempt(note, 'connect again', () => b.connect(port))
    attempt(note, 'send while connecting', () => b.send('x'))
    await once(b, 'connect')
    note(b.remoteAddress(), b.address())
    b.send('to the peer', (...result) => note(...result))
    b.send(Buffer.from('<part>'), 1, 4, (...result) => note(...result))
    attempt(note, 'send to an address', () => b.send('x', port))
    await once(a, 'message')
    await once(a, 'message')
    b.disconnect()
    attempt(note, 'remoteAddress', () => b.remoteAddress())
    b.send('to an address', port)
    await once(a, 'message')
    await closed(a)
    b.connect(port, '127.0.0.1')
    await once(b, 'connect')
    b.send('nobody there')
    await once(b, 'error').catch(note)
    await closed(b)
    const c = watch(note, 'c', module.createSocket('udp4'))
    c.connect(9, '255.255.255.255', (...result) => note('callback', ...result))
    await sleep(50)
    c.connect(9, '255.255.255.255')
    await once(c, 'error').catch(note)
    await closed(c)
  },

  async 'arguments that cannot be'(module, note) {
    const socket = module.createSocket('udp4')
    const anything = socket as unknown as Record<string, (...args: unknown[]) => unknown>
    const wrong: [string, ...unknown[]][] = [
      ['send'],
      ['send', 5, 9],
      ['send', [5], 9],
      ['send', 'x'],
      ['send', 'x', 0],
      ['send', 'x', 65_536],
      ['send', 'x', -1],
      ['send', 'x', 'http'],
      ['send', 'x', 9, 5],
      ['send', 'x', 9, {}],
      ['send', 'x', 2, 0, 9],
      ['send', 'x', 0, 2, 9],
      ['sendto', 'x', '0', 1, 9, 'a'],
      ['sendto', 'x', 0, 1, 9],
      ['connect', 0],
      ['connect', null],
      ['connect', 9, 5],
      ['connect', 9, null],
      ['setTTL', 'x'],
      ['setTTL', 5],
      ['setMulticastTTL', null],
      ['setMulticastInterface', 5],
      ['setMulticastInterface', '0.0.0.0'],
      ['setMulticastLoopback', true],
      ['setBroadcast', true],
      ['addMembership'],
      ['addMembership', 'nothing'],
      ['addSourceSpecificMembership', '127.0.0.1', 5],
      ['addSourceSpecificMembership', '127.0.0.1', '::1'],
      ['dropSourceSpecificMembership', () => {}, '::1'],
      ['getRecvBufferSize'],
      ['setSendBufferSize', -1],
      ['address'],
      ['remoteAddress'],
    ]
    for (const [method, ...args] of wrong) attempt(note, `${method} ${args}`, () => anything[method]?.(...args))
    socket.close()
    for (const [method, ...args] of wrong.filter(([method]) => /address|Membership|send/.test(method))) {
      attempt(note, `closed: ${method} ${args}`, () => anything[method]?.(...args))
    }
  },

  async 'what createSocket refuses'(module, note) {
    const create = module.createSocket as (...args: unknown[]) => dgram.Socket
    const signal = { aborted: 1 }
    for (const options of [
      undefined,
      null,
      'udp',
      { type: 'udp5' },
      { type: 'udp4', lookup: 5 },
      { type: 'udp4', recvBufferSize: 'x' },
      { type: 'udp4', sendBufferSize: -1 },
      { type: 'udp4', sendBufferSize: 1.5 },
      { type: 'udp4', signal: 5 },
      { type: 'udp4', signal: {} },
      { type: 'udp4', lookup: null },
      class Named {},
      Symbol('symbol'),
    ]) {
      attempt(note, 'create', () => typeof create(options))
    }
    attempt(note, 'create', () => typeof create({ type: 'udp4', signal }))
  },

  async options(module, note) {
    const socket = module.createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 9000, sendBufferSize: 8000 })
    socket.bind(0)
    await once(socket, 'listening')
    note(socket.getRecvBufferSize(), socket.getSendBufferSize(), socket.getSendQueueSize(), socket.getSendQueueCount())
    for (const ttl of [0, 1, 1.5, 255, 256, -1]) {
      attempt(note, `setTTL ${ttl}`, () => socket.setTTL(ttl))
      attempt(note, `setMulticastTTL ${ttl}`, () => socket.setMulticastTTL(ttl))
    }
    attempt(note, 'setBroadcast', () => socket.setBroadcast(true))
    attempt(note, 'setMulticastLoopback', () => socket.setMulticastLoopback(false))
    for (const address of ['0.0.0.0', '127.0.0.1', '192.0.2.1', 'eth0', '']) {
      attempt(note, `setMulticastInterface ${address}`, () => socket.setMulticastInterface(address))
    }
    for (const [group, on] of [
      ['224.0.0.114'],
      ['224.0.0.115', '127.0.0.1'],
      ['224.0.0.116', 'x'],
      ['127.0.0.1'],
    ] as const) {
      attempt(note, `add ${group} ${on}`, () => socket.addMembership(group, on))
      attempt(note, `drop ${group} ${on}`, () => socket.dropMembership(group, on))
      attempt(note, `drop again ${group} ${on}`, () => socket.dropMembership(group, on))
    }
    for (const [source, group, on] of [
      ['127.0.0.1', '232.43.7.9', '127.0.0.1'],
      ['127.0.0.1', '232.43.7.9'],
      ['x', '232.43.7.9'],
    ] as const) {
      attempt(note, `add ${source}`, () => socket.addSourceSpecificMembership(source, group, on))
      attempt(note, `drop ${source}`, () => socket.dropSourceSpecificMembership(source, group, on))
      attempt(note, `drop again ${source}`, () => socket.dropSourceSpecificMembership(source, group, on))
    }
    attempt(note, 'setRecvBufferSize', () => socket.setRecvBufferSize(2 ** 31))
    await closed(socket)
  },

  async 'a signal, and asyncDispose'(module, note) {
    const controller = new AbortController()
    const socket = watch(note, 'a', module.createSocket({ type: 'udp4', signal: controller.signal }))
    socket.bind(0)
    await once(socket, 'listening')
    controller.abort()
    note('aborted')
    await once(socket, 'close')
    const early = watch(note, 'b', module.createSocket({ type: 'udp4', signal: AbortSignal.abort() }))
    await once(early, 'close')
    await early[Symbol.asyncDispose]()
    const disposed = watch(note, 'c', module.createSocket('udp4'))
    await disposed[Symbol.asyncDispose]()
    note('disposed')
  },

  async 'listeners that a bind and a send leave behind'(module, note) {
    const socket = module.createSocket('udp4', () => {})
    const count = () =>
      note(...['listening', 'error', 'connect', 'close', 'message'].map((one) => socket.listenerCount(one)))
    count()
    socket.bind(0, () => {})
    socket.send('x', 9, '127.0.0.1')
    count()
    await once(socket, 'listening')
    count()
    await closed(socket)
    count()
  },
}
