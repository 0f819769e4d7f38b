import { nextTurn } from '../../../core/timers.ts'
import { HCI_CHANNEL_MONITOR, hciAddress } from '../../../families/bluetooth/hci-channel.ts'
import { bind, type DatagramEndpoint, type Message } from '../../../index.ts'
import { errorText } from '../../report.ts'
import type { Traffic, TrafficCounter, Uncounted } from './counter.ts'

/**
 * The kernel's trace of all adapters, as btmon(1) prints it: BlueZ's doc/btsnoop-protocol.rst. A message is a header of opcode, adapter
 * and length, 16 bits each, little-endian, and the packet without the byte that tells its type on a wire.
 */
const HEADER = 6
const ACL_TX = 4
/** The kernel notes a packet before it sends it: when what it does is seen, it waits for us, behind many others perhaps. */
const QUIET_TURNS = 3

/**
 * Bytes and packets of ACL data, the packets that carry L2CAP and with it RFCOMM, headers of HCI included. Only sent ones count, of
 * all adapters: between two adapters of one machine each packet is sent by the one and received by the other.
 */
export async function hciCounter(): Promise<TrafficCounter | Uncounted> {
  let monitor: DatagramEndpoint
  try {
    monitor = await bind(hciAddress(HCI_CHANNEL_MONITOR))
  } catch (error) {
    return { reason: reasonOf(error) }
  }
  const capture = new Capture(monitor)
  return {
    source: "ACL data, the kernel's HCI monitor",
    countsLost: true,
    read: () => capture.read(),
    close: () => monitor.close(),
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EPERM' || code === 'EACCES') return 'the HCI monitor is for root (CAP_NET_RAW) only'
  return `the HCI monitor cannot be opened: ${errorText(error)}`
}

class Capture {
  #bytes = 0
  #packets = 0
  #seen = 0
  #failure: Error | undefined

  constructor(monitor: DatagramEndpoint) {
    monitor.on('message', (message: Message) => this.#add(message))
    monitor.on('error', (error: Error) => {
      this.#failure = error
    })
  }

  /** Once all that the kernel has noted until now was taken in: a few turns of the event loop that bring nothing more. */
  async read(): Promise<Traffic> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      const before = this.#seen
      await nextTurn()
      quiet = this.#seen === before ? quiet + 1 : 0
    }
    if (this.#failure !== undefined) throw this.#failure
    return { bytes: this.#bytes, packets: this.#packets }
  }

  #add({ data }: Message): void {
    this.#seen++
    if (data.length < HEADER || data.readUInt16LE(0) !== ACL_TX) return
    this.#packets++
    // The length that the header tells, should the message have been cut on its way to us.
    this.#bytes += data.readUInt16LE(4)
  }
}
