import { littleEndian, viewOf } from '../../../engine/kernel-options.ts'
import type { StreamEndpoint } from '../../../index.ts'

/** What the kernel knows of a TCP connection. */
export interface TcpInfo {
  /** Segments that were sent again, since the connection was made: of this end only. */
  readonly retransmitted: number
  /** All segments, those without data included. */
  readonly segmentsOut: number
  readonly segmentsIn: number
  /** The smoothed round trip in milliseconds (RFC 6298's SRTT). */
  readonly roundTrip: number
}

/** `getsockopt(fd, IPPROTO_TCP, TCP_INFO)`, tcp(7). */
const IPPROTO_TCP = 6
const TCP_INFO = 11

/** `struct tcp_info` of linux/tcp.h: fields are only ever added at its end. All of these are 32 bits. */
const AT = { rtt: 68, totalRetrans: 100, segsOut: 136, segsIn: 140 } as const
/** Up to and with tcpi_segs_in, which is there since Linux 4.2. */
const SIZE = 144

/** `undefined` where the system does not tell: anything but Linux, the node engine, a stream that is not TCP. */
export function tcpInfo(endpoint: StreamEndpoint): TcpInfo | undefined {
  if (process.platform !== 'linux' || endpoint.local?.scheme !== 'tcp') return undefined
  const bytes = readInfo(endpoint)
  if (bytes === undefined || bytes.length < SIZE) return undefined
  const view = viewOf(bytes)
  const at = (offset: number): number => view.getUint32(offset, littleEndian)
  return {
    retransmitted: at(AT.totalRetrans),
    segmentsOut: at(AT.segsOut),
    segmentsIn: at(AT.segsIn),
    roundTrip: at(AT.rtt) / 1000,
  }
}

function readInfo(endpoint: StreamEndpoint): Buffer | undefined {
  try {
    return endpoint.getOption({ level: IPPROTO_TCP, name: TCP_INFO, length: SIZE })
  } catch (error) {
    // The node engine reads no options by number.
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNSUPPORTED') return undefined
    throw error
  }
}
