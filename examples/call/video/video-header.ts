/** What stands before the film: how much will come, and how to tell that it came whole. */
export interface VideoHeader {
  /** The file's name, without a folder: to be shown, not to be written to. */
  readonly name: string
  readonly size: number
  /** In hexadecimal digits. */
  readonly sha256: string
}

/** The length of what follows: 4 bytes, the highest first, as network protocols have it. */
const LENGTH = 4
/** A name has at most 255 bytes (NAME_MAX), and JSON makes six of each at worst. */
const LARGEST = 4096

/** The length, then JSON. */
export function encodeHeader({ name, size, sha256 }: VideoHeader): Buffer {
  const json = Buffer.from(JSON.stringify({ name, size, sha256 }))
  const length = Buffer.alloc(LENGTH)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json])
}

/** Takes the header from the front of a stream that may come in pieces of any size. */
export class HeaderReader {
  #bytes: Buffer = Buffer.alloc(0)

  /** The header and what came behind it, once it is whole. Throws for what is no header. */
  feed(chunk: Buffer): { readonly header: VideoHeader; readonly rest: Buffer } | undefined {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#bytes.length < LENGTH) return undefined
    const length = this.#bytes.readUInt32BE()
    if (length > LARGEST) throw new Error(`the header of the video is too long: ${length} bytes, at most ${LARGEST}`)
    const end = LENGTH + length
    if (this.#bytes.length < end) return undefined
    return { header: parseHeader(this.#bytes.subarray(LENGTH, end)), rest: this.#bytes.subarray(end) }
  }
}

function parseHeader(json: Buffer): VideoHeader {
  let value: unknown
  try {
    value = JSON.parse(json.toString())
  } catch {
    throw malformed('it is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw malformed('it is not an object')
  const { name, size, sha256 } = value as Record<string, unknown>
  // A name is printed, and somebody may write a file of that name: no control characters, no way out of the folder.
  if (typeof name !== 'string' || !/^[^/\p{Cc}]{1,255}$/u.test(name) || name === '.' || name === '..') {
    throw malformed('name is not the name of a file')
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw malformed('size is not a number of bytes')
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    throw malformed('sha256 is not 64 hexadecimal digits')
  return { name, size, sha256 }
}

function malformed(reason: string): Error {
  return new Error(`the header of the video is malformed: ${reason}`)
}
