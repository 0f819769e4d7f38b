/** Bytes of the number that a message begins with. */
export const SMALLEST = 4

/** Keeps the number from lying at the same place in each repetition, so that bytes that moved do not go unnoticed. */
const MARK = 0xa5

/** A message that is told apart from every other: its number, over and over, up to `size` bytes. */
export function numberedMessage(number: number, size: number): Buffer {
  const unit = Buffer.alloc(SMALLEST + 1, MARK)
  unit.writeUInt32BE(number)
  return Buffer.alloc(size, unit)
}

/** Reads the number of a message of `size` bytes. Throws when it is not one that was sent, byte for byte. */
export function readNumber(message: Buffer, size: number, sent: number): number {
  if (message.length !== size) {
    throw new Error(`a message arrived damaged: it has ${message.length} bytes, and was sent with ${size}`)
  }
  const number = message.readUInt32BE()
  if (number >= sent || !message.equals(numberedMessage(number, size))) {
    throw new Error(`a message arrived damaged: not as it was sent, of ${size} bytes`)
  }
  return number
}
