import { readFileSync } from 'node:fs'
import { errorText } from '../../report.ts'
import { namespaceKind } from '../namespace/namespace.ts'
import type { Traffic, TrafficCounter, Uncounted } from './counter.ts'

/**
 * Each process sees its own namespace there: proc_pid_net(5). The counters in /sys/class/net are those of the namespace that
 * mounted it, thus the machine's even in a namespace of our own.
 */
const DEVICES = '/proc/self/net/dev'

/** After the name: eight columns of what was received, then bytes and packets sent. */
const SENT_BYTES = 8
const SENT_PACKETS = 9

const SOURCES = {
  shared: "lo, shared with this machine's other programs, whose bytes are in the count: at most this",
  quiet: 'lo, alone in its namespace',
  netem: 'lo, alone in its namespace, behind netem: what that loses is not in the count',
} as const

/**
 * Bytes and packets of the loopback interface. What crosses it is counted once as sent and once as received, so we take what
 * was sent. Its bytes begin with the IP header: the driver takes the 14 bytes of Ethernet off before it counts
 * (loopback_xmit in drivers/net/loopback.c), as a datagram of n bytes shows, which counts n + 28.
 *
 * netem stands before it. What netem loses is not in the count, and what it duplicates is in it twice.
 */
export function interfaceCounter(): TrafficCounter | Uncounted {
  try {
    readLoopback()
  } catch (error) {
    return { reason: `the interface lo has no counters here: ${errorText(error)}` }
  }
  const kind = namespaceKind()
  return {
    source: SOURCES[kind ?? 'shared'],
    countsLost: kind !== 'netem',
    read: readLoopback,
    close: async () => undefined,
  }
}

function readLoopback(): Traffic {
  const [, columns] = /^\s*lo:(.*)$/m.exec(readFileSync(DEVICES, 'latin1')) ?? []
  const counts = columns?.trim().split(/\s+/).map(Number) ?? []
  const [bytes, packets] = [counts[SENT_BYTES], counts[SENT_PACKETS]]
  if (bytes === undefined || packets === undefined) throw new Error(`there is no line for lo in ${DEVICES}`)
  return { bytes, packets }
}
