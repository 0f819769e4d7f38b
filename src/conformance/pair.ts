import assert from 'node:assert/strict'
import type { Address, Scheme } from '../core/address.ts'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { ListenOptions, OpenOptions } from '../core/options.ts'
import type { StreamEndpoint } from '../core/stream.ts'
import { type AnyListener, addressOf, asDatagram, asStream, type Endpoint, type Fixture } from './fixture.ts'

/** Two ends of one connection: `near` connected, `far` was accepted. */
export interface ConnectedPair<E> {
  readonly listener: AnyListener
  readonly near: E
  readonly far: E
}

/** Two ends that can send to each other. Where there is no connection, `toFar` and `toNear` say where to. */
export interface DatagramPair {
  readonly near: DatagramEndpoint
  readonly far: DatagramEndpoint
  readonly toFar: Address | undefined
  readonly toNear: Address | undefined
}

async function connectedPair(f: Fixture, near: OpenOptions, far: ListenOptions): Promise<ConnectedPair<Endpoint>> {
  const listener = await f.listen(far)
  // Together, as a family may finish connecting only once it was accepted.
  const [accepted, connected] = await Promise.all([f.accept(listener), f.connect(addressOf(listener), near)])
  return { listener, near: connected, far: accepted }
}

/** A connected pair of streams. `far`'s options are the listener's. */
export async function streamPair(
  f: Fixture,
  near: OpenOptions = {},
  far: ListenOptions = {},
): Promise<ConnectedPair<StreamEndpoint>> {
  const pair = await connectedPair(f, near, far)
  return { listener: pair.listener, near: asStream(pair.near), far: asStream(pair.far) }
}

/** A pair of datagram endpoints: connected where the facts say so, else both bound. */
export async function datagramPair(f: Fixture, near: OpenOptions = {}, far: OpenOptions = {}): Promise<DatagramPair> {
  if (f.facts.connected) {
    const pair = await connectedPair(f, near, far)
    return { near: asDatagram(pair.near), far: asDatagram(pair.far), toFar: undefined, toNear: undefined }
  }
  const a = await f.bind(near)
  const b = await f.bind(far)
  return { near: a, far: b, toFar: addressOf(b), toNear: addressOf(a) }
}

/** An address of the family's own where nobody is: it was in use and is free again. */
export async function deserted(f: Fixture): Promise<Address> {
  const holder = f.facts.connected ? await f.listen() : await f.bind()
  const address = addressOf(holder)
  await holder.close()
  return address
}

/** Both ends of a socketpair; `undefined` where the family, or this machine, says that it has none. */
export function socketpair(f: Fixture): Endpoint[] | undefined {
  try {
    return f.sockets.socketpair(f.scheme as Scheme).map((end) => f.track<Endpoint>(end))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    assert.match(String(code), /^(ERR_UNSUPPORTED|ERR_FAMILY_UNAVAILABLE|EOPNOTSUPP|ENOTSUP|EPROTONOSUPPORT)$/)
    return undefined
  }
}
