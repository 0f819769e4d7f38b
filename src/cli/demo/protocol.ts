import { crc32 } from 'node:zlib'

/** The first byte of a connection says what the far side is to do with the rest. */
export const STREAM = {
  /** Send everything back. */
  echo: 0x45,
  /** Four bytes of length (big-endian), then as many bytes; answered by `DONE`, then by their SHA-256 in hex. */
  sink: 0x53,
} as const

/** Says that the last byte has come: before the hashing, which is no part of the transfer. */
export const DONE = 0x2e

/** The first byte of a message. */
export const MESSAGE = {
  /** Comes back as it is. */
  echo: 0x45,
  /** `Start` follows; answered by `ack`. */
  start: 0x31,
  /** Sequence number (4), CRC-32 of the data (4), data. */
  data: 0x44,
  /** How many pieces have come so far (4). */
  ack: 0x41,
  /** Answered by `report`. */
  ask: 0x3f,
  report: 0x52,
} as const

/** Announces a transfer in messages. */
export interface Start {
  readonly pieces: number
  /** Bytes of each piece but the last, which has the rest. */
  readonly size: number
  readonly total: number
  /** Send an ack after as many pieces. */
  readonly ackEvery: number
}

/** What the far side has found. */
export interface Report {
  readonly received: number
  readonly duplicates: number
  /** Not as long as announced (boundaries), or with another CRC than was sent. */
  readonly damaged: number
  readonly outOfOrder: number
  /** Of all pieces in their order; empty as long as some are missing. */
  readonly sha256: string
}

export const DATA_HEADER = 9

export function encodeStart({ pieces, size, total, ackEvery }: Start): Buffer {
  return Buffer.concat([Buffer.from([MESSAGE.start]), numbers(pieces, size, total, ackEvery)])
}

export function decodeStart(message: Buffer): Start {
  const [pieces, size, total, ackEvery] = [1, 5, 9, 13].map((offset) => message.readUInt32BE(offset))
  return { pieces: pieces ?? 0, size: size ?? 0, total: total ?? 0, ackEvery: ackEvery ?? 1 }
}

export function encodeData(sequence: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([MESSAGE.data]), numbers(sequence, crc32(data)), data])
}

export function encodeAck(received: number): Buffer {
  return Buffer.concat([Buffer.from([MESSAGE.ack]), numbers(received)])
}

export function encodeReport(report: Report): Buffer {
  return Buffer.concat([Buffer.from([MESSAGE.report]), Buffer.from(JSON.stringify(report))])
}

export function decodeReport(message: Buffer): Report {
  return JSON.parse(message.subarray(1).toString()) as Report
}

function numbers(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, index * 4)
  return buffer
}
