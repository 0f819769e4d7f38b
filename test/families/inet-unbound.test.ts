import { EventEmitter, once } from 'node:events'
import { describe, expect } from 'vitest'
import type { DatagramHandle, Message } from '../../src/core/family.ts'
import { type InetAddress, inet } from '../../src/families/inet.ts'
import type { EngineName } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { openDescriptors } from '../support/resources.ts'

const udp = given(scheme('udp'))
const any: InetAddress<'udp'> = { family: 'inet', scheme: 'udp', host: '127.0.0.1', port: 0 }

interface Receiving {
  readonly handle: DatagramHandle<InetAddress>
  /** What it gets next. */
  next(): Promise<string>
}

function receiving(handle: DatagramHandle<InetAddress>): Receiving {
  const events = new EventEmitter<{ message: [text: string] }>()
  handle.start({
    onMessages: (batch: Message<InetAddress>[]) => {
      for (const { data } of batch) events.emit('message', String(data))
    },
    onWritable: () => {},
    onEnd: () => {},
    onError: () => {},
  })
  handle.resume()
  return { handle, next: async () => String((await once(events, 'message'))[0]) }
}

const send = (from: DatagramHandle<InetAddress>, text: string, to?: InetAddress): number =>
  from.send([{ data: Buffer.from(text), target: to && from.target(to) }], 0)

describe('an unbound socket of messages', () => {
  udp('has its options set, and is bound at once, again after a failure', () => {
    const first = inet.openDatagram?.(any, { ttl: 9 })
    const second = inet.openDatagram?.(any, {})
    if (first === undefined || second === undefined) throw new Error('inet opens none')
    expect(first.getOption('ttl')).toBe(9)
    first.bind(any)
    expect(first.local?.port).toBeGreaterThan(0)
    expect(errorOf(() => second.bind(first.local as InetAddress)).code).toBe('EADDRINUSE')
    second.bind(any)
    expect(second.local?.port).not.toBe(first.local?.port)
    first.close()
    second.close()
  })

  udp('is closed again when an option cannot be set', () => {
    const before = openDescriptors()
    expect(errorOf(() => inet.openDatagram?.(any, { ttl: 256 })).code).toBe('ERR_OUT_OF_RANGE')
    expect(errorOf(() => inet.openDatagram?.(any, { multicastInterface: '192.0.2.1' })).code).toBe('EADDRNOTAVAIL')
    expect(errorOf(() => inet.openDatagram?.(any, { nothing: 1 })).code).toBe('ERR_OPTION_UNKNOWN')
    expect(openDescriptors()).toBe(before)
  })
})

describe.each<EngineName>(['kernel', 'node'])('the peer of a bound socket, %s engine', (engine) => {
  const open = async (): Promise<DatagramHandle<InetAddress>> => {
    const request = { engine, signal: undefined, local: undefined, options: {} }
    return inet.bind?.({ ...any, host: '0.0.0.0' }, request) as Promise<DatagramHandle<InetAddress>>
  }

  given(scheme('udp', engine))('is set, changed and taken away', async () => {
    const [one, two, socket] = [receiving(await open()), receiving(await open()), await open()]
    const at = ({ handle }: Receiving): InetAddress => ({ ...any, port: handle.local?.port ?? 0 })
    expect(socket.remote).toBeUndefined()
    expect(socket.local?.host).toBe('0.0.0.0')
    for (const each of [one, two]) {
      socket.setPeer?.(at(each))
      expect(socket.remote).toEqual(at(each))
      expect(socket.local?.host).toBe('127.0.0.1')
      expect(send(socket, 'to the peer')).toBe(1)
      expect(await each.next()).toBe('to the peer')
    }
    socket.setPeer?.(undefined)
    expect(socket.remote).toBeUndefined()
    expect(errorOf(() => send(socket, 'to nobody')).code).toBe('EDESTADDRREQ')
    send(socket, 'to an address', at(one))
    expect(await one.next()).toBe('to an address')
    for (const { handle } of [one, two]) handle.close()
    socket.close()
    expect(errorOf(() => socket.setPeer?.(undefined)).code).toBe('ERR_SOCKET_CLOSED')
  })
})
