import { littleEndian, viewOf } from '../../engine/kernel-options.ts'
import type { RawAddress } from '../raw.ts'
import { AF_BLUETOOTH } from './sockaddr.ts'

/** Who listens there is told what all adapters send and receive: net/bluetooth/hci_sock.c; needs CAP_NET_RAW. */
export const HCI_CHANNEL_MONITOR = 2
/** The management interface; needs no privileges for asking. */
export const HCI_CHANNEL_CONTROL = 3

const SOCK_RAW = 3
const BTPROTO_HCI = 1
const HCI_DEV_NONE = 0xffff

/** A channel of the kernel's HCI that belongs to no adapter. `struct sockaddr_hci`: family, device, channel, in the machine's byte order. */
export function hciAddress(channel: number): RawAddress {
  const sockaddr = new Uint8Array(6)
  const view = viewOf(sockaddr)
  for (const [index, number] of [AF_BLUETOOTH, HCI_DEV_NONE, channel].entries()) {
    view.setUint16(2 * index, number, littleEndian)
  }
  return { family: 'raw', scheme: 'raw', domain: AF_BLUETOOTH, type: SOCK_RAW, protocol: BTPROTO_HCI, sockaddr }
}
