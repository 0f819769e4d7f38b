import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createClient, type Message, type MessageBus } from 'dbus-native'
import { expect } from 'vitest'
import { connect, type StreamEndpoint, socketpair } from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { busNeeds, dbusPython } from '../support/dbus.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { accepts, ourselves, Server } from '../support/servers.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const test = given(scheme('unix'), ...busNeeds)
const service = fileURLToPath(new URL('../interop/peers/dbus_service.py', import.meta.url))

/** A private dbus-daemon, our connection to it, and Python's service in a process of its own. */
class Bus implements AsyncDisposable {
  readonly #daemon: Server
  readonly #service: Child
  readonly #bus: MessageBus
  readonly #waiting = new Map<number, (reply: Message) => void>()

  private constructor(daemon: Server, service: Child, bus: MessageBus) {
    this.#daemon = daemon
    this.#service = service
    this.#bus = bus
    bus.connection.on('message', (message) => this.#waiting.get(message.replySerial ?? 0)?.(message))
  }

  static async start(): Promise<Bus> {
    let path = ''
    // As ourselves: a session bus is for those who run it.
    const daemon = await Server.start((directory) => {
      path = directory.file('bus')
      const args = ['--session', '--nofork', '--nopidfile', '--nosyslog', `--address=unix:path=${path}`]
      return { command: 'dbus-daemon', args, ready: () => accepts(`unix:${path}`) }
    }, ourselves)
    const python = new Child(dbusPython as string, [service, `unix:path=${path}`])
    try {
      await python.line()
      const bus = createClient({ stream: (await connect(`unix:${path}`)) as StreamEndpoint, direct: true })
      await once(bus.connection, 'connect')
      expect(bus.connection.unixFdsAgreed).toBe(true)
      await bus.invokeDbus({ member: 'Hello' })
      return new Bus(daemon, python, bus)
    } catch (error) {
      await python[Symbol.asyncDispose]()
      await daemon[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Calls the service; `fds` go with it, and those that come with the reply are the caller's. */
  async call(member: string, signature = '', body: unknown[] = [], fds: number[] = []): Promise<Message> {
    const serial = this.#bus.serial++
    const replied = new Promise<Message>((resolve) => this.#waiting.set(serial, resolve))
    const target = { destination: 'test.polysocket.Files', path: '/files', interface: 'test.polysocket.Files', member }
    this.#bus.connection.message({ type: 1, serial, ...target, ...(signature !== '' && { signature, body }), fds })
    const reply = await replied
    this.#waiting.delete(serial)
    return reply
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bus.connection.stream.destroy()
    await this.#service[Symbol.asyncDispose]()
    await this.#daemon[Symbol.asyncDispose]()
  }
}

test('descriptors go to a service of another process, and are read and written there', async () => {
  await using directory = await temporaryDirectory()
  await using bus = await Bus.start()
  const [ours, theirs] = [openDescriptors(), (await bus.call('Open')).body?.[0]]
  writeFileSync(directory.file('text'), 'żółw 🐢')
  for (let at = 0; at < 50; at++) {
    const file = openSync(directory.file('text'), 'r')
    const replied = bus.call('Read', 'sh', [`${at}: `, 0], [file])
    // Ours are duplicated by the call: they may be closed at once.
    closeSync(file)
    expect((await replied).body).toEqual([`${at}: żółw 🐢`])
  }
  const written = openSync(directory.file('written'), 'w')
  await bus.call('Write', 'hs', [0, 'by python'], [written])
  closeSync(written)
  expect(readFileSync(directory.file('written'), 'utf8')).toBe('by python')
  expect((await bus.call('Open')).body).toEqual([theirs])
  expect(openDescriptors()).toBe(ours)
})

test('descriptors that a service gives arrive with the reply that they belong to', async () => {
  await using bus = await Bus.start()
  const [ours, theirs] = [openDescriptors(), (await bus.call('Open')).body?.[0]]
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      bus.call('Make', 'as', [Array.from({ length: at % 6 }, (_, n) => `${at}.${n}`)]),
    ),
  )
  for (const [at, { body, fds = [] }] of replies.entries()) {
    expect(fds).toHaveLength(at % 6)
    const [indexes] = body as [number[]]
    expect(indexes.map((index) => readFileSync(fds[index] as number, 'utf8'))).toEqual(fds.map((_, n) => `${at}.${n}`))
    for (const fd of fds) closeSync(fd)
  }
  expect((await bus.call('Open')).body).toEqual([theirs])
  expect(await eventually(() => openDescriptors() === ours)).toBe(true)
})

test('a socket of ours that is passed is spoken to by the service', async () => {
  await using bus = await Bus.start()
  const [mine, its] = socketpair('unix')
  const text = once(mine, 'data')
  await bus.call('Write', 'hs', [0, 'over the socket'], [its.fd as number])
  expect(String((await text)[0])).toBe('over the socket')
  const ended = once(mine, 'end')
  its.destroy()
  await ended
  mine.destroy()
})
