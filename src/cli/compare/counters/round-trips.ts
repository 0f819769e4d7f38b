import { isStream } from '../../open.ts'
import type { RoundTripCounter } from '../measure/set-up.ts'
import { tcpInfo } from './tcp-info.ts'

/**
 * Those of tcp. Whoever connects has sent nothing yet but what made the connection, so each segment that it got is the end of a
 * round trip: SYN and ACK of the other side, RFC 9293 section 3.5.
 */
export const roundTripsOfTcp: RoundTripCounter = {
  source: 'segments that came while it connected: TCP_INFO, tcp(7)',
  read: ({ near }) => (isStream(near) ? tcpInfo(near)?.segmentsIn : undefined),
}
