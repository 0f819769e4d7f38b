// What one end sends to another, so that the receiver knows each byte that it has to get.

const PERIOD = 251
/** More than any message or chunk. */
const LONGEST = 400_000
const pattern = Buffer.from(Array.from({ length: LONGEST + PERIOD }, (_, index) => index % PERIOD))

/** In front of a stream's bytes: the flow's number. In front of a message's: that, and the message's own number and length. */
const STREAM_HEADER = 4
export const MESSAGE_HEADER = 12
/** Of peers that are none of our ends; what they send is not known. */
const FOREIGN = 0

/** @typedef {{ id: number, sent: number, refused: Set<number>, missing: number[] }} Flow */

export class Flows {
  #next = FOREIGN + 1
  /** @type {Map<number, Flow>} */
  #flows = new Map()

  /** @returns {Flow} */
  open() {
    const flow = { id: this.#next++, sent: 0, refused: new Set(), missing: [] }
    this.#flows.set(flow.id, flow)
    return flow
  }

  /** The flow of what came; `undefined` where it is no end of ours. */
  of(id) {
    if (id === FOREIGN) return undefined
    const flow = this.#flows.get(id)
    if (flow === undefined) throw new Error(`bytes arrived that nobody sent: they name flow ${id}`)
    return flow
  }

  /** Messages that a reliable scheme did not deliver although later ones of the flow came, and that it had not refused. */
  lost() {
    return [...this.#flows.values()].flatMap(({ id, refused, missing }) =>
      missing.filter((number) => !refused.has(number)).map((number) => `message ${number} of flow ${id}`),
    )
  }

  clear() {
    this.#flows.clear()
  }
}

/** The next `length` bytes of a stream. */
export function nextBytes(/** @type {Flow} */ flow, length) {
  const bytes = content(flow.id + flow.sent, length)
  const isFirst = flow.sent === 0
  flow.sent += length
  if (!isFirst) return bytes
  const header = Buffer.alloc(STREAM_HEADER)
  header.writeUInt32LE(flow.id)
  return Buffer.concat([header, bytes])
}

/** The next message, of `length` bytes with its header. */
export function nextMessage(/** @type {Flow} */ flow, length) {
  const number = flow.sent++
  const header = Buffer.alloc(MESSAGE_HEADER)
  header.writeUInt32LE(flow.id, 0)
  header.writeUInt32LE(number, 4)
  header.writeUInt32LE(length, 8)
  return { number, data: Buffer.concat([header, content(flow.id + number, length - MESSAGE_HEADER)]) }
}

/** Checks the bytes that one end of a stream gets. */
export class StreamCheck {
  #flows
  #header = Buffer.alloc(0)
  /** @type {Flow | undefined} */
  #flow
  #received = 0

  constructor(/** @type {Flows} */ flows) {
    this.#flows = flows
  }

  take(/** @type {Buffer} */ chunk) {
    const wanted = STREAM_HEADER - this.#header.length
    if (wanted > 0) {
      this.#header = Buffer.concat([this.#header, chunk.subarray(0, wanted)])
      if (this.#header.length < STREAM_HEADER) return
      this.#flow = this.#flows.of(this.#header.readUInt32LE())
      chunk = chunk.subarray(wanted)
    }
    if (this.#flow === undefined) return
    const { id, sent } = this.#flow
    const at = this.#received
    this.#received += chunk.length
    if (this.#received > sent) throw new Error(`flow ${id}: ${this.#received} bytes arrived, ${sent} were sent`)
    if (!chunk.equals(content(id + at, chunk.length)))
      throw new Error(`flow ${id}: bytes ${at} to ${this.#received} are not what was sent`)
  }
}

/** Checks the messages that one end gets. */
export class MessageCheck {
  #flows
  #isReliable
  /** @type {Map<number, number>} by flow, the number of the message that comes next */
  #next = new Map()

  constructor(/** @type {Flows} */ flows, { reliable, ordered }) {
    this.#flows = flows
    this.#isReliable = reliable && ordered
  }

  take(/** @type {Uint8Array} */ data) {
    if (data.length < MESSAGE_HEADER) return
    const message = Buffer.from(data.buffer, data.byteOffset, data.length)
    const flow = this.#flows.of(message.readUInt32LE(0))
    if (flow === undefined) return
    const { id, missing } = flow
    const number = message.readUInt32LE(4)
    const length = message.readUInt32LE(8)
    if (length !== data.length)
      throw new Error(`message ${number} of flow ${id} has ${data.length} bytes, not ${length}`)
    if (!message.subarray(MESSAGE_HEADER).equals(content(id + number, length - MESSAGE_HEADER)))
      throw new Error(`message ${number} of flow ${id} is not what was sent`)
    if (!this.#isReliable) return
    const next = this.#next.get(id) ?? 0
    if (number < next) throw new Error(`message ${number} of flow ${id} came after message ${next - 1}`)
    for (let each = next; each < number; each++) missing.push(each)
    this.#next.set(id, number + 1)
  }
}

function content(start, length) {
  const at = start % PERIOD
  return pattern.subarray(at, at + length)
}
