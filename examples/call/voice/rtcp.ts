import { match } from 'ts-pattern'

/** What one receiver says about one sender, RFC 3550 section 6.4.1. */
export interface ReportBlock {
  readonly ssrc: number
  /** The share lost since the last report, in 1/256. */
  readonly fractionLost: number
  /** Since the beginning; 24 bits with a sign, since duplicates count as received and may outnumber the lost. */
  readonly cumulativeLost: number
  /** The highest sequence number, with how often it wrapped in the upper 16 bits. */
  readonly highestSequence: number
  /** In units of the RTP timestamp. */
  readonly jitter: number
  /** The middle 32 bits of the NTP time in the sender's last report; 0 when there was none. */
  readonly lastSenderReport: number
  /** From when that report came until this block was sent, in 1/65,536 s. */
  readonly delaySinceLastSenderReport: number
}

export interface SenderReport {
  readonly type: 'SR'
  readonly ssrc: number
  readonly ntp: bigint
  readonly rtpTimestamp: number
  readonly packets: number
  readonly octets: number
  readonly blocks: readonly ReportBlock[]
}

export interface ReceiverReport {
  readonly type: 'RR'
  readonly ssrc: number
  readonly blocks: readonly ReportBlock[]
}

/** Of the source description only the canonical name is read and written. */
export interface SourceDescription {
  readonly type: 'SDES'
  readonly chunks: readonly { readonly ssrc: number; readonly cname: string }[]
}

export interface Goodbye {
  readonly type: 'BYE'
  readonly sources: readonly number[]
}

export type RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye

const SR = 200
const RR = 201
const SDES = 202
const BYE = 203
const CNAME = 1
const BLOCK = 24
const PADDING = 0x20

/**
 * Tells RTCP from RTP where one socket carries both, RFC 5761 section 4: what would be the marker and payload types 64 to
 * 95 of RTP, which are not used then, are the packet types 192 to 223 of RTCP.
 */
export function isRtcp(data: Buffer): boolean {
  const type = data[1]
  return type !== undefined && type >= 192 && type <= 223
}

/** A compound packet. By section 6.1, a report comes first, and a source description with the CNAME is in every one. */
export function encodeRtcp(packets: readonly RtcpPacket[]): Buffer {
  return Buffer.concat(
    packets.map((packet) =>
      match(packet)
        .with({ type: 'SR' }, (report) => withHeader(SR, report.blocks.length, senderBody(report)))
        .with({ type: 'RR' }, ({ ssrc, blocks }) => withHeader(RR, blocks.length, [word(ssrc), ...blocks.map(block)]))
        .with({ type: 'SDES' }, ({ chunks }) => withHeader(SDES, chunks.length, chunks.map(chunk)))
        .with({ type: 'BYE' }, ({ sources }) => withHeader(BYE, sources.length, sources.map(word)))
        .exhaustive(),
    ),
  )
}

/** The packets of a compound; unknown types are passed over. `undefined` for what fails the checks of appendix A.2. */
export function parseRtcp(data: Buffer): RtcpPacket[] | undefined {
  const packets: RtcpPacket[] = []
  for (let start = 0; start < data.length; ) {
    if (data.length - start < 4) return undefined
    const flags = data[start] as number
    const type = data[start + 1] as number
    const end = start + 4 + 4 * data.readUInt16BE(start + 2)
    if (flags >> 6 !== 2 || end > data.length) return undefined
    if (start === 0 && type !== SR && type !== RR) return undefined
    const padded = (flags & PADDING) !== 0
    // Only the last packet of a compound may be padded, and never the first, by a count of bytes that its last byte holds.
    const padding = padded ? (data[end - 1] as number) : 0
    if (padded && (start === 0 || end !== data.length)) return undefined
    if (padded && (padding === 0 || padding % 4 !== 0 || padding > end - start - 4)) return undefined
    const packet = parseBody(type, flags & 0x1f, data.subarray(start + 4, end - padding))
    if (packet === 'malformed') return undefined
    if (packet !== 'unknown') packets.push(packet)
    start = end
  }
  return packets.length === 0 ? undefined : packets
}

function withHeader(type: number, count: number, parts: readonly Buffer[]): Buffer {
  if (count > 31) throw new RangeError(`a packet of RTCP has room for 31 items, and not for ${count}`)
  const body = Buffer.concat(parts)
  const header = Buffer.from([0x80 | count, type, 0, 0])
  header.writeUInt16BE(body.length / 4, 2)
  return Buffer.concat([header, body])
}

function senderBody({ ssrc, ntp, rtpTimestamp, packets, octets, blocks }: SenderReport): Buffer[] {
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(ntp)
  return [word(ssrc), time, word(rtpTimestamp), word(packets), word(octets), ...blocks.map(block)]
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function block(report: ReportBlock): Buffer {
  const bytes = Buffer.alloc(BLOCK)
  bytes.writeUInt32BE(report.ssrc, 0)
  bytes.writeUInt8(report.fractionLost, 4)
  bytes.writeIntBE(report.cumulativeLost, 5, 3)
  bytes.writeUInt32BE(report.highestSequence, 8)
  bytes.writeUInt32BE(report.jitter, 12)
  bytes.writeUInt32BE(report.lastSenderReport, 16)
  bytes.writeUInt32BE(report.delaySinceLastSenderReport, 20)
  return bytes
}

/** Items end with a zero, and zeros fill the chunk up to a multiple of 32 bits (section 6.5). */
function chunk({ ssrc, cname }: { readonly ssrc: number; readonly cname: string }): Buffer {
  const text = Buffer.from(cname)
  if (text.length > 255) throw new RangeError(`a CNAME has up to 255 bytes, and not ${text.length}`)
  const items = Buffer.alloc(4 * Math.ceil((2 + text.length + 1) / 4))
  items[0] = CNAME
  items[1] = text.length
  text.copy(items, 2)
  return Buffer.concat([word(ssrc), items])
}

function parseBody(type: number, count: number, body: Buffer): RtcpPacket | 'unknown' | 'malformed' {
  return match(type)
    .with(SR, () => parseSenderReport(count, body))
    .with(RR, () => {
      const blocks = parseBlocks(count, body, 4)
      return blocks === undefined ? 'malformed' : { type: 'RR' as const, ssrc: body.readUInt32BE(0), blocks }
    })
    .with(SDES, () => parseDescription(count, body))
    .with(BYE, () => {
      if (body.length < 4 * count) return 'malformed'
      return {
        type: 'BYE' as const,
        sources: Array.from({ length: count }, (_, index) => body.readUInt32BE(4 * index)),
      }
    })
    .otherwise(() => 'unknown')
}

function parseSenderReport(count: number, body: Buffer): SenderReport | 'malformed' {
  const blocks = parseBlocks(count, body, 24)
  if (blocks === undefined) return 'malformed'
  return {
    type: 'SR',
    ssrc: body.readUInt32BE(0),
    ntp: body.readBigUInt64BE(4),
    rtpTimestamp: body.readUInt32BE(12),
    packets: body.readUInt32BE(16),
    octets: body.readUInt32BE(20),
    blocks,
  }
}

/** `undefined` when the body is too short. What follows the blocks is a profile's own extension, and not read. */
function parseBlocks(count: number, body: Buffer, start: number): ReportBlock[] | undefined {
  if (body.length < start + BLOCK * count) return undefined
  return Array.from({ length: count }, (_, index) => {
    const at = start + BLOCK * index
    return {
      ssrc: body.readUInt32BE(at),
      fractionLost: body.readUInt8(at + 4),
      cumulativeLost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastSenderReport: body.readUInt32BE(at + 16),
      delaySinceLastSenderReport: body.readUInt32BE(at + 20),
    }
  })
}

/** A chunk without a CNAME has an empty one here. */
function parseDescription(count: number, body: Buffer): SourceDescription | 'malformed' {
  const chunks: { ssrc: number; cname: string }[] = []
  let at = 0
  while (chunks.length < count) {
    if (body.length < at + 8) return 'malformed'
    const ssrc = body.readUInt32BE(at)
    let cname = ''
    at += 4
    while (body[at] !== 0) {
      const length = body[at + 1]
      if (length === undefined || at + 2 + length >= body.length) return 'malformed'
      if (body[at] === CNAME) cname = body.toString('utf8', at + 2, at + 2 + length)
      at += 2 + length
    }
    at = 4 * (Math.floor(at / 4) + 1)
    chunks.push({ ssrc, cname })
  }
  return { type: 'SDES', chunks }
}
