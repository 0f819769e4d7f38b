import { inspect } from 'node:util'
import { wrongNumber, wrongValue } from '../../core/argument-errors.ts'
import { unsupported } from '../../core/errors.ts'
import {
  type FamilyOption,
  type KernelOption,
  littleEndian,
  type OptionCodec,
  viewOf,
} from '../../engine/kernel-options.ts'
import type { L2capAddress } from './address.ts'
import { DEFAULT_MTU, isLE } from './l2cap.ts'

/** Options of rfcomm and l2cap. */
export interface BluetoothSocketOptions {
  /**
   * What the link must have before data flows: `low`, the default: nothing; `medium`: encryption, so that unpaired
   * devices are paired; `high`: encryption with a key that was confirmed by a person. A listener's holds for what it accepts.
   * Above `low` the pairing is bluetoothd's work: without it, `ECONNRESET` after 3 s or `ETIMEDOUT` after 30 s. BT_SECURITY.
   */
  security?: BluetoothSecurity
  /**
   * l2cap: the largest message that we take, in bytes: 48 to 65,535 (LE: 23 to 65,533). The system's default is 672, as
   * the specification has it. L2CAP_OPTIONS; for LE channels BT_RCVMTU.
   */
  receiveMtu?: number
  /**
   * rfcomm: to reach a device by a driver instead of the kernel's sockets: `serial-port` is the package
   * node-bluetooth-serial-port. Default: that on Windows, elsewhere none.
   */
  driver?: 'serial-port'
  /**
   * rfcomm, listening: publishes the service for as long as the listener is open, so that clients find its channel. Needs
   * bluetoothd; where it is not there the listener works all the same, warns (`POLYSOCKET_NOT_PUBLISHED`), and its option
   * `published` is false.
   */
  service?: PublishedService
  /** rfcomm, listening: whether the service is published. To be read only. */
  published?: boolean
  /** l2cap: the largest message that the peer takes. To be read only. L2CAP_OPTIONS; for LE channels BT_SNDMTU. */
  sendMtu?: number
}

/** A service as others find it by SDP. */
export interface PublishedService {
  /** A UUID, or a name such as `spp`. */
  readonly uuid: string
  /** What people are shown. Default: `polysocket`. */
  readonly name?: string
  /**
   * Has bluetoothd take the connections, ask the system's agent whether each device that is not trusted may come in, and hand
   * them over. It then chooses the adapter (all of them), and knows no `security` above `medium`. Default: false.
   */
  readonly authorize?: boolean
}

export type BluetoothSecurity = 'low' | 'medium' | 'high'

/** Numbers of include/net/bluetooth/bluetooth.h and l2cap.h. */
const SOL_L2CAP = 6
const SOL_BLUETOOTH = 274
const L2CAP_OPTIONS = 1
const BT_SECURITY = 4
const BT_SNDMTU = 12
const BT_RCVMTU = 13

/** BT_SECURITY_LOW is 1; 0 is for SDP, 4 (FIPS) not for RFCOMM. */
const LEVELS: readonly BluetoothSecurity[] = ['low', 'medium', 'high']

/** `struct bt_security`: the level, and the size of the key, which is only ever read. */
const security: OptionCodec = {
  size: 2,
  encode(value) {
    const level = LEVELS.indexOf(value as BluetoothSecurity)
    if (level < 0) throw wrongValue(`security must be ${LEVELS.join(', ')}, not ${inspect(value)}`)
    return Uint8Array.of(level + 1, 0)
  },
  // What was never set is read as 0 on some sockets, and means the least.
  decode: (bytes) => LEVELS[Math.max(0, (bytes[0] as number) - 1)],
}

/**
 * `struct l2cap_options`: outgoing MTU, incoming MTU, flush timeout (16 bits each), mode, FCS, retransmissions (8 bits
 * each), window (16 bits). All of them are set at once; those that are not ours get the kernel's own defaults.
 */
const OPTIONS_SIZE = 12
const FLUSH_NEVER = 0xffff
const FCS_CRC16 = 1
const DEFAULT_MAX_TX = 3
const DEFAULT_WINDOW = 63

const incomingMtu: OptionCodec = {
  size: OPTIONS_SIZE,
  encode(value) {
    const bytes = new Uint8Array(OPTIONS_SIZE)
    const view = viewOf(bytes)
    view.setUint16(0, DEFAULT_MTU, littleEndian)
    view.setUint16(2, mtuOf(value), littleEndian)
    view.setUint16(4, FLUSH_NEVER, littleEndian)
    view.setUint8(7, FCS_CRC16)
    view.setUint8(8, DEFAULT_MAX_TX)
    view.setUint16(10, DEFAULT_WINDOW, littleEndian)
    return bytes
  },
  decode: (bytes) => viewOf(bytes).getUint16(2, littleEndian),
}

const outgoingMtu: OptionCodec = {
  size: OPTIONS_SIZE,
  encode: refuseSendMtu,
  decode: (bytes) => viewOf(bytes).getUint16(0, littleEndian),
}

const leIncomingMtu: OptionCodec = {
  size: 2,
  encode(value) {
    const bytes = new Uint8Array(2)
    viewOf(bytes).setUint16(0, mtuOf(value), littleEndian)
    return bytes
  },
  decode: (bytes) => viewOf(bytes).getUint16(0, littleEndian),
}

const leOutgoingMtu: OptionCodec = { ...leIncomingMtu, encode: refuseSendMtu }

const l2cap = { phase: 'socket', isInherited: true, schemes: ['l2cap'] } as const

export const bluetoothOptions: Readonly<Record<string, FamilyOption>> = {
  security: { level: SOL_BLUETOOTH, name: BT_SECURITY, codec: security, phase: 'socket', isInherited: true },
  receiveMtu: ({ address }): KernelOption =>
    isLE(address as L2capAddress)
      ? // It is for LE sockets, and the kernel takes a socket for one when it is bound as such.
        { ...l2cap, phase: 'bound', level: SOL_BLUETOOTH, name: BT_RCVMTU, codec: leIncomingMtu }
      : { ...l2cap, level: SOL_L2CAP, name: L2CAP_OPTIONS, codec: incomingMtu },
  sendMtu: ({ address }): KernelOption =>
    isLE(address as L2capAddress)
      ? { ...l2cap, level: SOL_BLUETOOTH, name: BT_SNDMTU, codec: leOutgoingMtu }
      : { ...l2cap, level: SOL_L2CAP, name: L2CAP_OPTIONS, codec: outgoingMtu },
}

function mtuOf(value: unknown): number {
  const fits = typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 0xffff
  if (!fits) throw wrongNumber(value, `an MTU must be a whole number of bytes from 1 to 65535, not ${inspect(value)}`)
  return value
}

function refuseSendMtu(): never {
  throw unsupported('setting sendMtu', 'it is what the peer says that it takes')
}
