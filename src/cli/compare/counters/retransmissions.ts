import { match, P } from 'ts-pattern'
import { memoryLink } from '../../../index.ts'
import { isStream } from '../../open.ts'
import type { Endpoint, Ends } from '../measure/meeting.ts'
import { tcpInfo } from './tcp-info.ts'

/** Counts what was retransmitted since the ends were opened. */
export interface Retransmissions {
  readonly source: string
  read(): number | undefined
}

/** Who counts them for a scheme. */
export function retransmissionsOf(scheme: string, { near, far, address }: Ends): Retransmissions {
  return match(scheme)
    .with('memory', () => {
      const { stats } = memoryLink(address)
      return { source: 'counted by the memory link', read: () => stats.retransmitted }
    })
    .with('tcp', () => countedByTcp([near, far]))
    .with('udp', 'memorygram', () => none('nobody sends anything again'))
    .with(P.string.startsWith('unix'), () => none('there is nothing to lose'))
    .with('rfcomm', 'l2cap', () => unknown("the controller's baseband retransmits, and does not say how often"))
    .otherwise(() => unknown('nobody counts them for this scheme'))
}

function none(source: string): Retransmissions {
  return { source, read: () => 0 }
}

function unknown(source: string): Retransmissions {
  return { source, read: () => undefined }
}

function countedByTcp(ends: readonly Endpoint[]): Retransmissions {
  const read = (): number | undefined => {
    const infos = ends.map((end) => (isStream(end) ? tcpInfo(end) : undefined))
    return infos.reduce<number | undefined>(
      (sum, info) => (sum === undefined || info === undefined ? undefined : sum + info.retransmitted),
      0,
    )
  }
  return read() === undefined
    ? unknown('TCP_INFO is not to be had: it takes Linux and the kernel engine')
    : { source: 'counted by the kernel: TCP_INFO of both ends, tcp(7)', read }
}
