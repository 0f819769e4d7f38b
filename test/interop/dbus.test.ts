import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs'
import { createClient, type Message, type MessageBus } from 'dbus-native'
import { expect } from 'vitest'
import { connect, type StreamEndpoint } from '../../src/index.ts'
import { given, program, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const daemon = program('dbus-daemon', ['--version'], 'apt-get install dbus-daemon')

async function clientOf(path: string): Promise<MessageBus> {
  const bus = createClient({ stream: (await connect(`unix:${path}`)) as StreamEndpoint })
  await once(bus.connection, 'connect')
  while (bus.name === null || bus.name === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  return bus
}

given(scheme('unix'), daemon)(
  'dbus-native passes descriptors over our endpoint, through a real dbus-daemon',
  async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    const path = directory.file('bus')
    const child = spawn('dbus-daemon', ['--session', '--nofork', '--print-address', `--address=unix:path=${path}`])
    try {
      await once(child.stdout, 'data')
      const sender = await clientOf(path)
      const receiver = await clientOf(path)
      expect(receiver.connection.unixFdsAgreed).toBe(true)
      const arrived = new Promise<Message>((resolve) =>
        receiver.connection.on('message', (message) => message.member === 'Take' && resolve(message)),
      )
      writeFileSync(directory.file('text'), 'content')
      const file = openSync(directory.file('text'), 'r')
      for (const member of ['Before', 'Take', 'After']) {
        sender.connection.message({
          type: 1,
          flags: 1,
          serial: sender.serial++,
          destination: receiver.name as string,
          path: '/a',
          interface: 'a.b',
          member,
          ...(member === 'Take' && { signature: 'h', body: [0], fds: [file] }),
        })
      }
      const { fds = [], body } = await arrived
      expect(body).toEqual([0])
      expect(fstatSync(fds[0] as number).ino).toBe(fstatSync(file).ino)
      closeSync(file)
      closeSync(fds[0] as number)
      sender.connection.stream.destroy()
      receiver.connection.stream.destroy()
    } finally {
      child.kill()
      await once(child, 'close')
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  },
)
