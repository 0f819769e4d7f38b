/** A packet of RTP, RFC 3550 section 5.1. A header extension and padding are read over, and never written. */
export interface RtpPacket {
  /** For voice: the first packet after a pause (RFC 3551 section 4.1). */
  readonly marker: boolean
  /** 7 bits; 0 is PCMU (RFC 3551 section 6). */
  readonly payloadType: number
  /** 16 bits, one more with each packet. */
  readonly sequence: number
  /** 32 bits, in samples. */
  readonly timestamp: number
  /** 32 bits, chosen at random: who sends. */
  readonly ssrc: number
  /** Up to 15: whose voices a mixer put together. */
  readonly csrc: readonly number[]
  readonly payload: Buffer
}

const VERSION = 2
const FIXED_HEADER = 12
const PADDING = 0x20
const EXTENSION = 0x10
const MARKER = 0x80

export function encodeRtp(packet: RtpPacket): Buffer {
  const { csrc, payload } = packet
  if (csrc.length > 15) throw new RangeError(`RTP has room for 15 contributing sources, and not for ${csrc.length}`)
  const header = Buffer.alloc(FIXED_HEADER + 4 * csrc.length)
  header[0] = (VERSION << 6) | csrc.length
  header[1] = (packet.marker ? MARKER : 0) | (packet.payloadType & 0x7f)
  header.writeUInt16BE(packet.sequence, 2)
  header.writeUInt32BE(packet.timestamp, 4)
  header.writeUInt32BE(packet.ssrc, 8)
  csrc.forEach((source, index) => {
    header.writeUInt32BE(source, FIXED_HEADER + 4 * index)
  })
  return Buffer.concat([header, payload])
}

/** `undefined` for what is not RTP version 2, or cut short. The payload shares its memory with `data`. */
export function parseRtp(data: Buffer): RtpPacket | undefined {
  if (data.length < FIXED_HEADER) return undefined
  const flags = data[0] as number
  if (flags >> 6 !== VERSION) return undefined
  const sources = flags & 0x0f
  let start = FIXED_HEADER + 4 * sources
  if ((flags & EXTENSION) !== 0) {
    // Section 5.3.1: 16 bits of the profile's, then how many words of 32 bits follow.
    if (data.length < start + 4) return undefined
    start += 4 + 4 * data.readUInt16BE(start + 2)
  }
  // The last byte of padding says how many bytes of it there are, itself included.
  const padding = (flags & PADDING) === 0 ? 0 : (data[data.length - 1] as number)
  const end = data.length - padding
  if (start > end || ((flags & PADDING) !== 0 && padding === 0)) return undefined
  const second = data[1] as number
  return {
    marker: (second & MARKER) !== 0,
    payloadType: second & 0x7f,
    sequence: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    csrc: Array.from({ length: sources }, (_, index) => data.readUInt32BE(FIXED_HEADER + 4 * index)),
    payload: data.subarray(start, end),
  }
}
