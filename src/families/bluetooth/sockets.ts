import { invalidAddress } from '../../core/address.ts'
import type { DatagramEndpoint } from '../../core/datagram.ts'
import { unsupported } from '../../core/errors.ts'
import type { SchemeFacts } from '../../core/facts.ts'
import type { AddressFamily } from '../../core/family.ts'
import type { OpenOptions, OpenRequest } from '../../core/options.ts'
import { createSockets } from '../../core/sockets.ts'
import {
  type ConnectFailure,
  factsOf,
  type KernelFamilyDefinition,
  type KernelScheme,
  kernelFamily,
  type Purpose,
} from '../../engine/kernel-family.ts'
import { SOCK_SEQPACKET, SOCK_STREAM } from '../../engine/kernel-options.ts'
import { shellWord } from '../socat.ts'
import type { L2capAddress, RfcommAddress } from './address.ts'
import { ANY } from './bdaddr.ts'
import { checkL2cap, DEFAULT_MTU, decodeL2cap, encodeL2cap, formatL2cap, isLE, parseL2cap } from './l2cap.ts'
import { bluetoothOptions } from './options.ts'
import { checkRfcomm, decodeRfcomm, encodeRfcomm, formatRfcomm, parseRfcomm } from './rfcomm.ts'
import type { SdpConnect } from './sdp/lookup.ts'
import { AF_BLUETOOTH } from './sockaddr.ts'

/** What the kernel has sockets for; the rest of the family goes other ways. */
export type BluetoothSocketAddress = RfcommAddress | L2capAddress

const BTPROTO_L2CAP = 0
const BTPROTO_RFCOMM = 3

const schemes: Readonly<Record<BluetoothSocketAddress['scheme'], KernelScheme>> = {
  rfcomm: {
    type: SOCK_STREAM,
    protocol: BTPROTO_RFCOMM,
    // The end of a connection is one DISC for both directions, and the kernel reports it as ECONNRESET.
    facts: { socket: 'AF_BLUETOOTH, SOCK_STREAM, BTPROTO_RFCOMM', halfClose: false },
    endsWithReset: true,
    finishesConnect: true,
    closesOnceSent: true,
  },
  l2cap: {
    type: SOCK_SEQPACKET,
    protocol: BTPROTO_L2CAP,
    facts: {
      socket: 'AF_BLUETOOTH, SOCK_SEQPACKET, BTPROTO_L2CAP',
      halfClose: false,
      // In basic mode, the default of BR/EDR, nothing tells a sender to wait: what the receiver has no room for is lost.
      reliable: false,
      maxMessage: DEFAULT_MTU,
    },
    endsWithReset: true,
    finishesConnect: true,
    maxMessage: (option) => option('sendMtu') as number,
  },
}

const facts: Readonly<Record<string, SchemeFacts>> = Object.fromEntries(
  Object.entries(schemes).map(([scheme, numbers]) => [scheme, factsOf('bluetooth', numbers)]),
)
/** LE channels are flow-controlled by credits; Core specification, volume 3, part A, 10.1. */
const leFacts: SchemeFacts = { ...(facts.l2cap as SchemeFacts), reliable: true }

/**
 * There is one RFCOMM connection between two devices on one channel, and for some milliseconds after it was closed the next
 * one is refused, by us (EBUSY) or by the peer (ECONNREFUSED; ECONNRESET where the session of the last one is just ending).
 * One may follow the other, so each has a time of its own.
 */
const BUSY_LIMIT = 1000
const REFUSED_LIMIT = 250
const RETRY_DELAY = 50

function retryLimit({ code, codes, local, isBound }: ConnectFailure<BluetoothSocketAddress>): number {
  if (code === 'EBUSY') return BUSY_LIMIT
  if (code === 'ECONNREFUSED') return REFUSED_LIMIT
  if (code !== 'ECONNRESET') return 0
  // A peer that accepts and closes at once resets, too, and is not to be met again. A socket that was not bound gets its
  // address by being connected; one that was has it before, so there only a last connection that was in the way tells.
  const wasNotMade = isBound ? codes.has('EBUSY') : local?.bdaddr === ANY
  return wasNotMade ? REFUSED_LIMIT : 0
}

/** The part of the family whose sockets are the kernel's: BlueZ's `rfcomm` and `l2cap` modules. */
export const bluetoothDefinition: KernelFamilyDefinition<BluetoothSocketAddress> = {
  name: 'bluetooth',
  domain: AF_BLUETOOTH,
  schemes,
  encode: (address) => (address.scheme === 'rfcomm' ? encodeRfcomm(address) : encodeL2cap(address)),
  decode: (name, scheme) => (scheme === 'rfcomm' ? decodeRfcomm(name) : decodeL2cap(name)),
  parse: (scheme, rest) => (scheme === 'rfcomm' ? parseRfcomm(rest) : parseL2cap(rest)),
  format: (address) => (address.scheme === 'rfcomm' ? formatRfcomm(address) : formatL2cap(address)),
  toSocat,
  facts: (address) => (address.scheme === 'l2cap' && isLE(address) ? leFacts : (facts[address.scheme] as SchemeFacts)),
  resolve,
  retryConnect: ({ scheme }, failure) =>
    scheme === 'rfcomm' && failure.elapsed < retryLimit(failure) ? RETRY_DELAY : undefined,
  options: bluetoothOptions,
  adopted({ domain, type, protocol }) {
    if (domain !== AF_BLUETOOTH) return undefined
    const found = Object.entries(schemes).find(([, known]) => known.type === type && known.protocol === protocol)
    if (found === undefined) return undefined
    return found[0] === 'rfcomm'
      ? { family: 'bluetooth', scheme: 'rfcomm', bdaddr: ANY, channel: 0 }
      : { family: 'bluetooth', scheme: 'l2cap', bdaddr: ANY, psm: 0 }
  },
  remedy: 'load the kernel modules of Bluetooth: modprobe -a bluetooth rfcomm',
}

export const bluetoothSockets: AddressFamily<BluetoothSocketAddress> = kernelFamily(bluetoothDefinition)

function resolve(
  address: BluetoothSocketAddress,
  purpose: Purpose,
  request?: OpenRequest<BluetoothSocketAddress>,
): BluetoothSocketAddress[] | Promise<BluetoothSocketAddress[]> {
  const canonical = address.scheme === 'rfcomm' ? checkRfcomm(address) : checkL2cap(address)
  const fail = (part: string): never => {
    throw invalidAddress(bluetoothDefinition.format(canonical), part)
  }
  const isService = canonical.scheme === 'rfcomm' && canonical.service !== undefined
  if (purpose !== 'connect') {
    return isService
      ? fail('a service is to be connected to; listen on a channel, with the option service')
      : [canonical]
  }
  if (canonical.bdaddr === ANY) fail('any is every adapter of ours; connect needs a device')
  if (canonical.scheme === 'rfcomm' && canonical.channel === 0)
    fail('the channel 0 is to be listened on; connect needs one')
  if (canonical.scheme === 'l2cap' && canonical.psm === 0) fail('the PSM 0 is to be listened on; connect needs one')
  return isService ? findService(canonical, request) : [canonical]
}

/** Asks the device itself on which channel its service is: SDP, over L2CAP from the adapter that will connect. */
async function findService(
  { bdaddr, service }: RfcommAddress,
  request: OpenRequest<BluetoothSocketAddress> | undefined,
): Promise<BluetoothSocketAddress[]> {
  const { lookUpChannel } = await import('./sdp/lookup.ts')
  const channel = await lookUpChannel(sdpConnect(request?.local), bdaddr, service as string, request?.signal)
  return [{ family: 'bluetooth', scheme: 'rfcomm', bdaddr, channel }]
}

/** How SDP reaches a device: from the adapter of the `local` address, else from the one that the kernel chooses. */
export function sdpConnect(local: { readonly bdaddr: string } | undefined): SdpConnect {
  const { connect } = createSockets([bluetoothSockets])
  const from: OpenOptions =
    local === undefined ? {} : { local: { family: 'bluetooth', scheme: 'l2cap', bdaddr: local.bdaddr, psm: 0 } }
  return async (address, options) => (await connect(address, { ...options, ...from })) as DatagramEndpoint
}

function toSocat(address: BluetoothSocketAddress): string {
  if (address.bdaddr === ANY) {
    throw unsupported(`${bluetoothDefinition.format(address)} in socat`, 'it is no address that can be reached')
  }
  const { type, protocol } = schemes[address.scheme]
  // socat writes the family in front of these bytes by itself.
  const data = Buffer.from(bluetoothDefinition.encode(address)).toString('hex', 2)
  const suffix = type === SOCK_SEQPACKET ? `,type=${type}` : ''
  return shellWord(`SOCKET-CONNECT:${AF_BLUETOOTH}:${protocol}:x${data}${suffix}`)
}
