import { endianness } from 'node:os'
import { match, P } from 'ts-pattern'
import { memoryLink } from '../../index.ts'
import { errorText } from '../report.ts'
import type { Endpoint, Ends } from './meeting.ts'

/** How many transmissions were repeated since the ends were opened. */
export interface Retransmissions {
  readonly source: string
  read(): number | undefined
}

/** TCP_INFO gives `struct tcp_info` of linux/tcp.h, where tcpi_total_retrans ends at byte 104. */
const TCP_INFO = { level: 6, name: 11, length: 104 }
const TOTAL_RETRANS = 100

/** Who counts them for a scheme. */
export function retransmissionsOf(scheme: string, { near, far, address }: Ends): Retransmissions {
  return match(scheme)
    .with('memory', () => {
      const { stats } = memoryLink(address)
      return { source: 'the memory link counts them', read: () => stats.retransmitted }
    })
    .with('tcp', () => countedByTcp([near, far]))
    .with('udp', 'memorygram', () => none('nobody sends anything again'))
    .with(P.string.startsWith('unix'), () => none('there is nothing to lose'))
    .with('rfcomm', 'l2cap', () => unknown("the controller's baseband sends again, and does not say how often"))
    .otherwise(() => unknown('nobody counts them for this scheme'))
}

function none(source: string): Retransmissions {
  return { source, read: () => 0 }
}

function unknown(source: string): Retransmissions {
  return { source, read: () => undefined }
}

function countedByTcp(ends: readonly Endpoint[]): Retransmissions {
  const read = (): number => ends.reduce((sum, end) => sum + totalRetransmitted(end), 0)
  try {
    read()
  } catch (error) {
    return unknown(`TCP_INFO cannot be read: ${errorText(error)}`)
  }
  return { source: 'TCP_INFO of both ends, tcp(7)', read }
}

function totalRetransmitted(end: Endpoint): number {
  const info = end.getOption(TCP_INFO)
  if (info.length < TCP_INFO.length) throw new Error('the kernel does not count retransmissions')
  return endianness() === 'LE' ? info.readUInt32LE(TOTAL_RETRANS) : info.readUInt32BE(TOTAL_RETRANS)
}
