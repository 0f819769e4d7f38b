/** The peer sent what the specification does not allow; the message says what. The client names the device with it. */
export class Malformed extends Error {}

/** Reads big-endian numbers and runs of bytes, and never past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#offset
  }

  /** The next bytes, not copied. Throws `Malformed` where there are fewer. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new Malformed(`${length} bytes should follow, and ${this.left} do`)
    const start = this.#offset
    this.#offset += length
    return this.#bytes.subarray(start, this.#offset)
  }

  /** An unsigned number of `size` bytes, up to 4. */
  number(size: number): number {
    return this.take(size).reduce((value, byte) => value * 0x100 + byte, 0)
  }

  /** Throws `Malformed` unless everything was read. `what` is what ends here. */
  end(what: string): void {
    if (this.left > 0) throw new Malformed(`${what} is followed by ${this.left} bytes that do not belong to it`)
  }
}

/** An unsigned number as `size` bytes, big-endian, up to 4. */
export function numberBytes(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => value / 0x100 ** (size - 1 - index))
}
