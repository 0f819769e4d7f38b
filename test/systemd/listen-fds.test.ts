import { beforeAll, describe, expect } from 'vitest'
import { bind, connect } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { activate, askStream, freePort, service, socketActivate } from './activate.ts'

beforeAll(buildOnce, 120_000)

interface Start {
  readonly given: { name: string; kind: string; scheme: string }[]
  readonly numbers: number[]
  readonly closeOnExec: boolean
  readonly again: boolean
  readonly kept: string[]
  readonly variables: string[]
}

describe('sockets that systemd-socket-activate opened', () => {
  const test = given(scheme('unixgram'), socketActivate)
  /** How every service is given its sockets: by these numbers, once, for nobody after it. */
  const started = (count: number) => ({
    numbers: Array.from({ length: count }, (_, index) => 3 + index),
    closeOnExec: true,
    again: true,
    kept: [],
    variables: [],
  })

  test('a Unix stream', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using child = await activate(['-l', path], 1)
    expect(await askStream(`unix:${path}`, 'hello')).toBe('unknown: hello')
    const given = [{ name: 'unknown', kind: 'listener', scheme: 'unix' }]
    expect(await child.report<Start>()).toEqual({ given, ...started(1) })
    expect(await child.report()).toEqual({ closed: 1 })
    expect(await child.exited).toMatchObject({ code: 0 })
    // The file is systemd's, and stays.
    await expect(connect(`unix:${path}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('tcp', async () => {
    const port = await freePort()
    await using child = await activate(['-l', `127.0.0.1:${port}`, '--fdname=web'], 1)
    expect(await askStream(`tcp://127.0.0.1:${port}`, 'hello')).toBe('web: hello')
    const given = [{ name: 'web', kind: 'listener', scheme: 'tcp' }]
    expect(await child.report<Start>()).toEqual({ given, ...started(1) })
    expect(await child.report()).toEqual({ closed: 1 })
  })

  test('udp and a Unix datagram, which only the second one reaches', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    const port = await freePort()
    const listening = ['--datagram', '-l', `127.0.0.1:${port}`, '-l', path, '--fdname=udp:log']
    await using child = await activate(listening, 2)
    await using client = await bind(`unixgram:${directory.file('client')}`)
    await client.send('hello', `unixgram:${path}`)
    expect(String((await client.receive({ timeout: 10_000 }))?.data)).toBe('log: hello')
    const given = [
      { name: 'udp', kind: 'datagram', scheme: 'udp' },
      { name: 'log', kind: 'datagram', scheme: 'unixgram' },
    ]
    expect(await child.report<Start>()).toEqual({ given, ...started(2) })
    expect(await child.report()).toEqual({ closed: 2 })
    expect(await child.exited).toMatchObject({ code: 0 })
  })

  test('sequenced packets', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using child = await activate(['--seqpacket', '-l', path], 1)
    await using client = await connect(`unixpacket:${path}`)
    await client.send('hello')
    expect(String((await client.receive({ timeout: 10_000 }))?.data)).toBe('unknown: hello')
    const given = [{ name: 'unknown', kind: 'packet-listener', scheme: 'unixpacket' }]
    expect(await child.report<Start>()).toEqual({ given, ...started(1) })
    expect(await child.report()).toEqual({ closed: 1 })
  })

  test('several with names, in their order', async () => {
    await using directory = await temporaryDirectory()
    const port = await freePort()
    const [first, second] = [directory.file('first'), directory.file('second')] as const
    const listening = ['-l', first, '-l', `127.0.0.1:${port}`, '-l', second, '--fdname=http:http:control']
    await using child = await activate(listening, 3)
    expect(await askStream(`unix:${second}`, 'hello')).toBe('control: hello')
    const given = [
      { name: 'http', kind: 'listener', scheme: 'unix' },
      { name: 'http', kind: 'listener', scheme: 'tcp' },
      { name: 'control', kind: 'listener', scheme: 'unix' },
    ]
    expect(await child.report<Start>()).toEqual({ given, ...started(3) })
    expect(await child.report()).toEqual({ closed: 3 })
    expect(await child.exited).toMatchObject({ code: 0 })
  })

  test('one connection a process, by --accept', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using child = await activate(['--accept', '-l', path, '--fdname=connection'], 1)
    const given = [{ name: expect.any(String), kind: 'stream', scheme: 'unix' }]
    for (const question of ['one', 'two']) {
      expect(await askStream(`unix:${path}`, question)).toMatch(new RegExp(`: ${question}$`))
      expect(await child.report<Start>()).toEqual({ given, ...started(1) })
      expect(await child.report()).toEqual({ closed: 1 })
    }
  })

  test('unsetEnvironment: false leaves the environment, and a later call gives the same', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using child = await activate(['-l', path], 1, [process.execPath, service, 'keep'])
    expect(await askStream(`unix:${path}`, 'hello')).toBe('unknown: hello')
    expect(await child.report<Start>()).toMatchObject({
      kept: expect.arrayContaining(['LISTEN_FDS', 'LISTEN_PID']),
      again: true,
      variables: [],
    })
  })
})
