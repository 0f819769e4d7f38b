import { splitAddress } from '../core/address.ts'
import { unknownOption, unsupported } from '../core/errors.ts'
import type { AddressFamily } from '../core/family.ts'
import { CORE_OPTIONS, type ListenRequest, type OpenRequest } from '../core/options.ts'
import { formatMemoryAddress, type MemoryAddress, mergedFaults, parseMemoryAddress } from './memory/address.ts'
import { connectDatagram, datagramPair, MemoryDatagram } from './memory/datagram.ts'
import { checkFaults, type Faults } from './memory/faults.ts'
import { OPTIONS, schemes } from './memory/handle.ts'
import { freshName, linkOf, type MemoryLink } from './memory/link.ts'
import { connectStream, MemoryListener } from './memory/listener.ts'
import { streamPair } from './memory/stream.ts'

export type { MemoryAddress } from './memory/address.ts'
export type { Faults } from './memory/faults.ts'
export type { LinkStats, MemoryLink } from './memory/link.ts'

declare module '../core/address.ts' {
  interface SchemeMap {
    memory: { address: MemoryAddress; kind: 'stream' }
    memorygram: { address: MemoryAddress; kind: 'datagram' }
  }
}

declare module '../core/options.ts' {
  interface SocketOptions {
    /** The memory family's: what goes wrong on the socket's link. Wins over the faults in the address, one by one. */
    faults?: Faults
  }
}

/**
 * Sockets inside this process, without the kernel: `memory:name` for streams, `memorygram:name` for datagrams. They do
 * what the kernel's do, and lose, repeat, reorder, delay and cut on demand, the same way each time for the same seed.
 *
 * Every socket has a link, like a cable with two directions. What one socket sends to another crosses the sender's link
 * and then the receiver's; each does to it what its faults say, so delays add up. The link of a listener is shared by
 * the connections that it accepts. Faults given to `listen`, `bind` or `connect`, in the address or as the option
 * `faults`, are those of the socket being opened: of the listener, the bound socket, the connecting end, each end of a pair.
 * `memoryLink` changes them later, and reads what was lost.
 *
 * Connecting takes a round trip. Without faults everything arrives in the next turn of the event loop; with them, times
 * are exact to a millisecond or two. Nothing is delivered within the call that sends it.
 *
 * - Streams hold 262,144 bytes in each direction, on their way and unread, before a write waits. A backlog of n lets
 *   n + 1 connections wait; the next connect waits for room.
 * - A datagram has at most 65,507 bytes (`EMSGSIZE`). A receiver holds 1,024 messages or 1 MiB; then its senders wait, so
 *   nothing is lost but by faults. Sending to a name that nobody has is `ECONNREFUSED`. A connected socket receives from
 *   its peer only.
 * - Names belong to one JavaScript thread: another worker, or another copy of this package, has its own.
 * - What is open keeps the process alive until `unref`: a listener and a datagram socket always, a stream while it waits
 *   to receive or to go on writing.
 */
export const memory: AddressFamily<MemoryAddress> = {
  name: 'memory',
  schemes,
  probe: () => ({ available: true, engine: 'memory' }),
  parse: parseMemoryAddress,
  format: formatMemoryAddress,
  ephemeral: (scheme) => freshName(scheme === 'memorygram' ? 'memorygram' : 'memory'),

  async connect(address, request) {
    const faults = mergedFaults(request.local?.faults, address.faults, requestedFaults(address, request))
    request.signal?.throwIfAborted()
    if (address.scheme === 'memorygram') return connectDatagram(address, request.local, faults)
    return connectStream(address, request.local, faults, request.signal)
  },

  listen: async (address, request) => listen(address, request),

  listenSync: listen,

  async bind(address, request) {
    if (address.scheme === 'memory') throw unsupported('bind on memory', 'it makes streams; use connect or listen')
    const faults = mergedFaults(address.faults, requestedFaults(address, request))
    request.signal?.throwIfAborted()
    return new MemoryDatagram(address, faults)
  },

  socketpair(scheme, options = {}) {
    const faults = readFaults(scheme, options)
    return scheme === 'memorygram' ? datagramPair(faults) : streamPair(faults)
  },
}

function listen(address: MemoryAddress, request: ListenRequest<MemoryAddress>): MemoryListener {
  if (address.scheme === 'memorygram') throw unsupported('listen on memorygram', 'it has no connections; use bind')
  const faults = mergedFaults(address.faults, requestedFaults(address, request))
  request.signal?.throwIfAborted()
  return new MemoryListener(address, request.backlog, faults)
}

/**
 * The link of a name: to change its faults, to cut its connections, to read its counters. It may be asked for before the
 * name is in use, which is how to disturb a program that cannot be told other addresses. It lasts until the last socket
 * under the name and the last connection to it are closed; whoever takes the name after that gets a new link.
 * Faults in the address are applied. Connecting ends have links, too: `memoryLink(endpoint.local)`.
 *
 * ```ts
 * const link = memoryLink('memory:server')
 * link.faults = { loss: 0.05, delay: 40, seed: 7 }
 * link.cut()                 // the connections of now: ECONNRESET at both ends
 * link.stats.retransmitted
 * ```
 */
export function memoryLink(address: string | MemoryAddress): MemoryLink {
  const { faults, ...named } = typeof address === 'string' ? parseText(address) : address
  formatMemoryAddress(named)
  const link = linkOf(named)
  if (faults !== undefined) link.faults = faults
  return link
}

function parseText(text: string): MemoryAddress {
  const { scheme, rest } = splitAddress(text)
  return parseMemoryAddress(scheme, rest)
}

function requestedFaults(address: MemoryAddress, request: OpenRequest<MemoryAddress>): Faults | undefined {
  if (request.engine !== undefined) {
    throw unsupported(
      `engine ${request.engine} for memory`,
      'nothing but this process moves its bytes; leave the engine out',
    )
  }
  return readFaults(address.scheme, request.options)
}

function readFaults(scheme: string, { faults, ...others }: Readonly<Record<string, unknown>>): Faults | undefined {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw unknownOption(scheme, unknown, [...OPTIONS, ...CORE_OPTIONS])
  if (faults !== undefined) checkFaults(faults, 'option faults')
  return faults
}
