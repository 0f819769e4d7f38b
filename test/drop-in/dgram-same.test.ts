import { execFile } from 'node:child_process'
import * as nodeDgram from 'node:dgram'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import * as ourDgram from '../../src/dgram.ts'
import { buildOnce, root } from '../support/build.ts'
import { given, scheme } from '../support/need.ts'
import { openDescriptors } from '../support/resources.ts'
import { type Dgram, notesOf, scenarios } from './dgram-scenarios.ts'

const ours = ourDgram as unknown as Dgram
const udp = given(scheme('udp'))

describe('polysocket/dgram does what node:dgram does', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    udp(name, async () => {
      const expected = await notesOf(nodeDgram, scenario)
      expect(expected.length).toBeGreaterThan(0)
      expect(await notesOf(ours, scenario)).toEqual(expected)
    })
  }
})

describe('polysocket/dgram', () => {
  udp('is used where a socket of node:dgram is', () => {
    const socket: nodeDgram.Socket = ourDgram.createSocket('udp4')
    expect(socket).toBeInstanceOf(ourDgram.Socket)
    socket.close()
  })

  udp('leaves no descriptor behind, however it ends', async () => {
    const before = openDescriptors()
    const taken = ourDgram.createSocket('udp4')
    await new Promise<void>((resolve) => void taken.bind(0, '127.0.0.1', resolve))
    const { port } = taken.address()
    for (let round = 0; round < 10; round++) {
      const refused = ourDgram.createSocket('udp4')
      refused.bind(port, '127.0.0.1')
      await new Promise((resolve) => refused.once('error', resolve))
      refused.close()
      const grouped = ourDgram.createSocket('udp4')
      grouped.addMembership('224.0.0.114', '127.0.0.1')
      grouped.close()
      ourDgram.createSocket('udp4').bind(0).close()
    }
    taken.close()
    expect(openDescriptors()).toBe(before)
  })

  test('a port that is none is refused by bind', () => {
    const socket = ourDgram.createSocket('udp4')
    expect(() => socket.bind(65_536)).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_BAD_PORT' }))
    expect(() => socket.bind('http' as never)).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_BAD_PORT' }))
    socket.bind(0).close()
  })

  test('a descriptor that is no socket of UDP is refused, and stays open', () => {
    const socket = ourDgram.createSocket('udp4')
    expect(() => socket.bind({ fd: 1 })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_FD_TYPE' }))
    expect(() => socket.bind({ fd: 9999 })).toThrow('Unsupported fd type: UNKNOWN')
    process.stdout.write('')
    socket.bind(0).close()
  })
})

describe('as a module', () => {
  beforeAll(buildOnce)
  const run = async (script: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd: root })
    return stdout.trim()
  }

  test('require gives a plain object, whose functions can be replaced', async () => {
    const script = `const dgram = require('polysocket/dgram')
      dgram.createSocket = () => 'replaced'
      console.log(Object.keys(dgram).sort().join(), require('polysocket/dgram').createSocket(), Object.getPrototypeOf(dgram) === Object.prototype)`
    expect(await run(script)).toBe('Socket,_createSocketHandle,createSocket replaced true')
  })

  udp('an open socket keeps the process alive, and one that is unrefed does not', async () => {
    const script = `const { createSocket } = require('polysocket/dgram')
      const socket = createSocket('udp4').bind(0).unref()
      socket.on('listening', () => console.log('bound'))
      const other = createSocket('udp4')
      other.bind(0, () => setTimeout(() => { console.log('closing'); other.close() }, 100).unref())
      process.on('exit', () => console.log('exit'))`
    expect(await run(script)).toBe('bound\nclosing\nexit')
  })
})
