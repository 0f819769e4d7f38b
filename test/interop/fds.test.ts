import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { bind, connect, type DatagramEndpoint, listen, type Message, type StreamEndpoint } from '../../src/index.ts'
import { given, python, scheme } from '../support/need.ts'
import { startPython, toPeer } from '../support/python.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const count = 200

given(scheme('unix'), python)('descriptors that Python sends arrive with their own bytes', async () => {
  await using directory = await temporaryDirectory()
  const before = openDescriptors()
  const listener = await listen(`unix:${directory.file('socket')}`)
  const address = toPeer(listener.address)
  await using peer = startPython('fds.py', { role: 'connect', mode: 'send', count, address })
  const endpoint = (await listener.accept({ timeout: 10_000 })) as StreamEndpoint
  await listener.close()
  const pipes: number[][] = []
  endpoint.on('fds', (fds: number[]) => pipes.push(fds))
  let text = ''
  for await (const chunk of endpoint) {
    text += chunk
    // The kernel never lets bytes get ahead of their descriptors.
    expect(pipes.length).toBeGreaterThanOrEqual(Math.ceil(text.length / 5))
  }
  expect(text).toBe(Array.from({ length: count }, (_, i) => String(i).padStart(5, '0')).join(''))
  expect(pipes.map(({ length }) => length)).toEqual(Array.from({ length: count }, () => 2))
  pipes.forEach(([read, write], number) => {
    writeSync(write as number, `pipe ${number}`)
    closeSync(read as number)
    closeSync(write as number)
  })
  expect(await peer.report()).toEqual({ sent: count })
  expect(await peer.report()).toEqual({ texts: Array.from({ length: count }, (_, i) => `pipe ${i}`) })
  await peer.exited
  expect(openDescriptors()).toBe(before)
})

given(scheme('unix'), python)('descriptors that we send arrive in Python with their own bytes', async () => {
  await using directory = await temporaryDirectory()
  const before = openDescriptors()
  const path = directory.file('socket')
  await using peer = startPython('fds.py', { role: 'listen', mode: 'receive', address: { scheme: 'unix', path } })
  await peer.line()
  const endpoint = (await connect(`unix:${path}`)) as StreamEndpoint
  const files = ['first', 'second'].map((text) => {
    const file = directory.file(text)
    writeFileSync(file, text)
    return openSync(file, 'r')
  }) as [number, number]
  endpoint.write('a')
  endpoint.writeWithFds(Buffer.from('b'), files)
  endpoint.write('c')
  endpoint.writeWithFds(Buffer.from('d'), [files[1]])
  endpoint.end('e')
  for (const file of files) closeSync(file)
  const { pieces } = await peer.report<{ pieces: { text: string; files: string[]; flags: number }[] }>()
  // Python may read between two of our writes. Bytes after descriptors are never read together with them.
  expect(pieces.map(({ text }) => text).join('')).toBe('abcde')
  const carrying = pieces.filter(({ files }) => files.length > 0)
  expect(carrying).toEqual([
    { text: expect.stringMatching(/b$/), files: ['first', 'second'], flags: 0 },
    { text: expect.stringMatching(/d$/), files: ['second'], flags: 0 },
  ])
  endpoint.destroy()
  await peer.exited
  expect(openDescriptors()).toBeLessThanOrEqual(before)
})

describe.each(['unixgram', 'unixpacket'] as const)('descriptors with messages: %s', (name) => {
  const available = given(scheme(name), python)

  available('that Python sends arrive with their own message', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    const address = `${name}:${directory.file('socket')}` as const
    const server =
      name === 'unixgram' ? await bind(address, { receiveFds: true }) : await listen(address, { receiveFds: true })
    const local = 'local' in server ? server.local : server.address
    await using peer = startPython('fds.py', { role: 'connect', mode: 'send', count, address: toPeer(local) })
    const endpoint = ('accept' in server ? await server.accept({ timeout: 10_000 }) : server) as DatagramEndpoint
    for (let number = 0; number < count; number++) {
      const { data, fds } = (await endpoint.receive({ timeout: 10_000 })) as Message
      expect(String(data)).toBe(String(number).padStart(5, '0'))
      const [read, write] = fds as [number, number]
      writeSync(write, `pipe ${number}`)
      closeSync(read)
      closeSync(write)
    }
    expect(await peer.report()).toEqual({ sent: count })
    expect(await peer.report()).toEqual({ texts: Array.from({ length: count }, (_, i) => `pipe ${i}`) })
    await peer.exited
    await endpoint.close()
    await server.close()
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })

  available('that we send arrive in Python with their own message', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    const path = directory.file('socket')
    const role = name === 'unixgram' ? 'bind' : 'listen'
    await using peer = startPython('fds.py', { role, mode: 'receive', address: { scheme: name, path } })
    await peer.line()
    const endpoint = (await connect(`${name}:${path}`)) as DatagramEndpoint
    const files = ['first', 'second'].map((text) => {
      const file = directory.file(text)
      writeFileSync(file, text)
      return openSync(file, 'r')
    }) as [number, number]
    const sends = [
      endpoint.send('a'),
      endpoint.send('b', undefined, { fds: files }),
      endpoint.send('c'),
      endpoint.send('d', undefined, { fds: [files[1]] }),
      // No bytes: the peer takes it for the end.
      endpoint.send(''),
    ]
    await Promise.all(sends)
    for (const file of files) closeSync(file)
    expect(await peer.report()).toEqual({
      pieces: [
        { text: 'a', files: [], flags: expect.any(Number) },
        { text: 'b', files: ['first', 'second'], flags: expect.any(Number) },
        { text: 'c', files: [], flags: expect.any(Number) },
        { text: 'd', files: ['second'], flags: expect.any(Number) },
      ],
    })
    await endpoint.close()
    await peer.exited
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })
})
