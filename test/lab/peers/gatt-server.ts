import { type Attribute, number16 } from './gatt-database.ts'

/** Opcodes and errors of ATT; Core specification, volume 3, part F, 3.4. */
const ERROR = 0x01
const EXCHANGE_MTU = 0x02
const FIND_INFORMATION = 0x04
const READ_BY_TYPE = 0x08
const READ_BY_GROUP = 0x10
const WRITE_REQUEST = 0x12
const WRITE_COMMAND = 0x52
const INDICATION = 0x1d
const CONFIRMATION = 0x1e
const NOT_SUPPORTED = 0x06
const NOT_FOUND = 0x0a

const LEAST_MTU = 23
const OUR_MTU = 247

export interface GattEvents {
  onWrite(handle: number, value: Buffer): void
  /** The central has the indication. */
  onConfirmed(): void
}

/** An ATT server, without what carries it: answers requests, and says what was written. */
export class GattServer {
  readonly #attributes: readonly Attribute[]
  readonly #events: GattEvents
  #mtu = LEAST_MTU

  constructor(attributes: readonly Attribute[], events: GattEvents) {
    this.#attributes = attributes
    this.#events = events
  }

  /** How much one indication carries. */
  get room(): number {
    return this.#mtu - 3
  }

  /** A notification that is answered; the next one waits for that. */
  indication(handle: number, value: Buffer): Buffer {
    return Buffer.concat([Buffer.of(INDICATION), number16(handle), value])
  }

  /** The answer, where there is one. */
  answer(packet: Buffer): Buffer | undefined {
    const [opcode = 0] = packet
    const rest = packet.subarray(1)
    switch (opcode) {
      case EXCHANGE_MTU:
        this.#mtu = Math.min(OUR_MTU, Math.max(LEAST_MTU, rest.readUInt16LE()))
        return Buffer.concat([Buffer.of(EXCHANGE_MTU + 1), number16(OUR_MTU)])
      case READ_BY_GROUP:
      case READ_BY_TYPE:
        return this.#list(opcode, rest)
      case FIND_INFORMATION:
        return this.#typeOf(rest.readUInt16LE())
      case WRITE_REQUEST:
        this.#events.onWrite(rest.readUInt16LE(), rest.subarray(2))
        return Buffer.of(WRITE_REQUEST + 1)
      case WRITE_COMMAND:
        this.#events.onWrite(rest.readUInt16LE(), rest.subarray(2))
        return undefined
      case CONFIRMATION:
        this.#events.onConfirmed()
        return undefined
      default:
        return failure(opcode, NOT_SUPPORTED)
    }
  }

  /** Attributes of one type, as many of one size as there is room for. */
  #list(opcode: number, rest: Buffer): Buffer {
    const [first, last, type] = [rest.readUInt16LE(), rest.readUInt16LE(2), rest.subarray(4)]
    const end = opcode === READ_BY_GROUP ? number16(this.#attributes.length) : Buffer.alloc(0)
    const entries = this.#attributes
      .map(({ type, value }, index) => ({ handle: index + 1, type, value }))
      .filter((one) => one.handle >= first && one.handle <= last && one.type.equals(type))
      .map(({ handle, value }) => Buffer.concat([number16(handle), end, value]))
    const size = entries[0]?.length ?? 0
    const differs = entries.findIndex((entry) => entry.length !== size)
    const alike = differs < 0 ? entries : entries.slice(0, differs)
    if (size === 0) return failure(opcode, NOT_FOUND, first)
    const fitting = alike.slice(0, Math.max(1, Math.floor((this.#mtu - 2) / size)))
    return Buffer.concat([Buffer.of(opcode + 1, size), ...fitting])
  }

  #typeOf(handle: number): Buffer {
    const attribute = this.#attributes[handle - 1]
    if (attribute === undefined) return failure(FIND_INFORMATION, NOT_FOUND, handle)
    const format = attribute.type.length === 2 ? 1 : 2
    return Buffer.concat([Buffer.of(FIND_INFORMATION + 1, format), number16(handle), attribute.type])
  }
}

function failure(request: number, why: number, handle = 0): Buffer {
  return Buffer.concat([Buffer.of(ERROR, request), number16(handle), Buffer.of(why)])
}
