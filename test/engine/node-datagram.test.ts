import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { InetAddress } from '../../src/families/inet.ts'
import { given, python as pythonThere } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { bindDatagram, connectDatagram, portOf, python, type Receiver, udp } from './node-handles.ts'

const always = given()
const withPython = given(pythonThere)

const to = ({ handle }: Receiver): InetAddress => udp(portOf(handle))

describe('a datagram socket of the node engine', () => {
  withPython('sends and receives messages with their boundaries, empty ones too', async () => {
    await using peer = python(`
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(('127.0.0.1', 0))
report(port=peer.getsockname()[1])
for _ in range(4):
  data, sender = peer.recvfrom(65536)
  peer.sendto(data[::-1], sender)`)
    const { port } = await peer.report<{ port: number }>()
    using near = await bindDatagram()
    near.handle.resume()
    const texts = ['abc', '', 'x'.repeat(60_000), 'last']
    await near.sendAll(await Promise.all(texts.map((text) => near.message(text, udp(port)))))
    expect(await eventually(() => near.batches.flat().length === 4)).toBe(true)
    expect(near.texts).toEqual(['cba', '', 'x'.repeat(60_000), 'tsal'])
    for (const message of near.batches.flat()) expect(message).toMatchObject({ from: udp(port), truncated: false })
  })

  always('holds what comes before resume and after pause, and drops what is too much', async () => {
    using far = await bindDatagram()
    using near = await bindDatagram()
    const messages = await Promise.all(
      Array.from({ length: 3000 }, (_, i) => near.message(`${i} `.padEnd(1000), to(far))),
    )
    // In small steps, so that nothing is lost before it gets to us.
    for (let at = 0; at < messages.length; at += 25) {
      await near.sendAll(messages.slice(at, at + 25))
      await sleep(1)
    }
    await sleep(50)
    expect(far.batches).toEqual([])
    far.handle.resume()
    expect(await eventually(() => far.batches.length > 0)).toBe(true)
    const kept = far.texts.map((text) => Number(text))
    expect(kept.length).toBeGreaterThan(500)
    expect(kept.length).toBeLessThan(1000)
    expect(kept).toEqual(kept.map((_, index) => index))
    far.handle.pause()
    await near.sendAll([await near.message('later', to(far))])
    await sleep(50)
    expect(far.texts.at(-1)).not.toBe('later')
    far.handle.resume()
    expect(await eventually(() => far.texts.at(-1) === 'later')).toBe(true)
  })

  always('takes no more than it has room for, and says when there is more', async () => {
    using far = await bindDatagram()
    using near = await bindDatagram()
    far.handle.resume()
    const small = await Promise.all(Array.from({ length: 200 }, (_, i) => near.message(String(i), to(far))))
    expect(await near.sendAll(small)).toBe(64)
    expect(await eventually(() => far.texts.length === 200)).toBe(true)
    expect(far.texts).toEqual(small.map((_, i) => String(i)))
    const large = await near.message(Buffer.alloc(60_000), to(far))
    expect(await near.sendAll(Array.from({ length: 20 }, () => large))).toBeLessThan(10)
  })

  always('takes the bytes as they are when it is called', async () => {
    using far = await bindDatagram()
    using near = await bindDatagram()
    far.handle.resume()
    const data = Buffer.from('first')
    const target = await near.handle.target(to(far))
    near.handle.send([{ data, target }], 0)
    data.write('wrong')
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
    expect(far.texts).toEqual(['first'])
  })

  always('refuses at once what can never go, and goes on', async () => {
    using far = await bindDatagram()
    using near = await bindDatagram()
    far.handle.resume()
    const tooLong = await near.message(Buffer.alloc(65_508), to(far))
    const fine = await near.message('fine', to(far))
    const nowhere = { data: Buffer.from('x'), target: undefined }
    expect(() => near.handle.send([tooLong], 0)).toThrow(
      expect.objectContaining({ code: 'EMSGSIZE', address: `udp://127.0.0.1:${portOf(far.handle)}` }),
    )
    expect(() => near.handle.send([nowhere], 0)).toThrow(expect.objectContaining({ code: 'EDESTADDRREQ' }))
    expect(near.handle.send([fine, tooLong, fine], 0)).toBe(1)
    expect(near.handle.send([fine, tooLong, fine], 2)).toBe(1)
    expect(near.handle.send([fine], 1)).toBe(0)
    expect(() => near.handle.target(udp(5, '::1'))).toThrow(expect.objectContaining({ code: 'EAFNOSUPPORT' }))
    expect(() => near.handle.target({ ...udp(5), scheme: 'tcp' })).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
    expect(await eventually(() => far.texts.length === 2)).toBe(true)
    expect(near.errors).toEqual([])
  })

  always('looks a name up, and sends to the address of its own kind', async () => {
    using far = await bindDatagram()
    using near = await bindDatagram()
    far.handle.resume()
    const target = near.handle.target(udp(portOf(far.handle), 'localhost'))
    expect(target).toBeInstanceOf(Promise)
    near.handle.send([{ data: Buffer.from('by name'), target: await target }], 0)
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
  })

  always('of the wildcard carries IPv4 and IPv6', async () => {
    using both = await bindDatagram('*')
    both.handle.resume()
    for (const host of ['127.0.0.1', '::1']) {
      using near = await bindDatagram(host)
      near.handle.resume()
      await near.sendAll([await near.message('ping', udp(portOf(both.handle), host))])
      expect(await eventually(() => both.batches.length > 0)).toBe(true)
      const [message] = both.batches.splice(0).flat()
      const mapped = host === '::1' ? host : `::ffff:${host}`
      expect(message?.from).toEqual(udp(portOf(near.handle), mapped))
      await both.sendAll([
        await both.message('back', udp(portOf(near.handle), host)),
        await both.message('to', message?.from),
      ])
      expect(await eventually(() => near.texts.length === 2)).toBe(true)
    }
  })

  always('of a peer talks to that peer alone, from an address of our own choice', async () => {
    using far = await bindDatagram()
    using stranger = await bindDatagram()
    using near = await connectDatagram(portOf(far.handle), { local: udp(0, '127.0.0.2') })
    expect(near.handle.remote).toEqual(far.handle.local)
    expect(near.handle.local).toMatchObject({ host: '127.0.0.2' })
    near.handle.resume()
    far.handle.resume()
    await stranger.sendAll([await stranger.message('not for you', near.handle.local)])
    await near.sendAll([await near.message('hello')])
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
    expect(far.batches[0]?.[0]?.from).toEqual(near.handle.local)
    await far.sendAll([await far.message('answer', near.handle.local)])
    expect(await eventually(() => near.texts.length > 0)).toBe(true)
    expect(near.texts).toEqual(['answer'])
    const elsewhere = await near.message('x', to(stranger))
    expect(() => near.handle.send([elsewhere], 0)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
    using wildcard = await connectDatagram(portOf(far.handle))
    expect(wildcard.handle.local).toMatchObject({ host: '127.0.0.1' })
  })

  always('tells what the system reports of a message later, and lives on', async () => {
    using gone = await bindDatagram()
    const port = portOf(gone.handle)
    gone.handle.close()
    using near = await connectDatagram(port)
    near.handle.resume()
    await near.sendAll([await near.message('anybody?')])
    expect(await eventually(() => near.errors.length > 0)).toBe(true)
    expect(near.errors).toMatchObject([{ error: { code: 'ECONNREFUSED', name: 'SocketError' }, fatal: false }])
    using back = await bindDatagram('127.0.0.1', port)
    back.handle.resume()
    await near.sendAll([await near.message('here?')])
    expect(await eventually(() => back.texts.length > 0)).toBe(true)
  })

  always('bound to an address in use or not ours, or aborted: nothing stays open', async () => {
    using first = await bindDatagram()
    const before = openDescriptors()
    const port = portOf(first.handle)
    await expect(bindDatagram('127.0.0.1', port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
      address: `udp://127.0.0.1:${port}`,
    })
    await expect(bindDatagram('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await expect(connectDatagram(9, { local: udp(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const reason = new Error('not wanted')
    await expect(bindDatagram('127.0.0.1', 0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    for (let steps = 0; steps < 12; steps++) {
      const stop = new AbortController()
      const outcomes = [
        bindDatagram('127.0.0.1', 0, { signal: stop.signal }),
        connectDatagram(port, { signal: stop.signal }),
      ].map((opening) =>
        opening.then(
          ({ handle }) => handle.close(),
          (error) => expect(error).toBe(reason),
        ),
      )
      for (let step = 0; step < steps; step++) await Promise.resolve()
      stop.abort(reason)
      await Promise.all(outcomes)
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  always('that is closed: keeps its address, calls nothing, and says so', async () => {
    const far = await bindDatagram()
    using near = await bindDatagram()
    far.handle.resume()
    const local = far.handle.local
    await near.sendAll([await near.message('too late', to(far))])
    far.handle.close()
    far.handle.close()
    await sleep(50)
    expect(far.batches).toEqual([])
    expect(far.handle.local).toEqual(local)
    const closed = expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' })
    expect(() => far.handle.send([{ data: Buffer.from('x'), target: undefined }], 0)).toThrow(closed)
    expect(() => far.handle.getOption('receiveBuffer')).toThrow(closed)
    far.handle.unref()
    far.handle.ref()
  })
})
