import { crc32 } from 'node:zlib'
import { setImmediate } from '../../core/timers.ts'
import type { Address, DatagramEndpoint, EngineName, Message, StreamEndpoint } from '../../index.ts'
import { bind, formatAddress, listen } from '../../index.ts'
import { isStream, readTarget } from '../open.ts'
import { sha256 } from './payload.ts'
import { DATA_HEADER, DONE, decodeStart, encodeAck, encodeReport, MESSAGE, STREAM, type Start } from './protocol.ts'

/** The far side of one row, wherever it runs. */
export interface Service {
  /** Where it can be reached, with what the system chose filled in. */
  readonly address: string
  close(): Promise<void>
}

export async function startService(text: string, engine: EngineName | undefined): Promise<Service> {
  const { address, facts } = readTarget(text)
  const options = engine === undefined ? {} : { engine }
  if (facts.kind === 'datagram' && !facts.connected) {
    const endpoint = await bind(address, options)
    serveMessages(endpoint)
    return { address: formatAddress(endpoint.local ?? address), close: () => endpoint.close() }
  }
  const listener = await listen(address, options)
  const open = new Set<StreamEndpoint | DatagramEndpoint>()
  listener.on('connection', (endpoint: StreamEndpoint | DatagramEndpoint) => {
    open.add(endpoint)
    endpoint.once('close', () => open.delete(endpoint))
    if (isStream(endpoint)) serveStream(endpoint)
    else serveMessages(endpoint)
  })
  return {
    address: formatAddress(listener.address),
    close: async () => {
      await listener.close()
      for (const endpoint of open) {
        if (isStream(endpoint)) endpoint.destroy()
        else await endpoint.close()
      }
    },
  }
}

/** A client that leaves, or breaks, is the client's row's affair: it finds out by itself. */
const ignore = (): void => undefined

function serveStream(endpoint: StreamEndpoint): void {
  endpoint.on('error', ignore)
  endpoint.setNoDelay()
  endpoint.once('data', (first: Buffer) => {
    const rest = first.subarray(1)
    if (first[0] === STREAM.echo) {
      if (rest.length > 0) endpoint.write(rest)
      endpoint.on('data', (chunk: Buffer) => endpoint.write(chunk))
    } else {
      collect(endpoint, rest)
    }
  })
}

function collect(endpoint: StreamEndpoint, first: Buffer): void {
  const chunks: Buffer[] = []
  let head = Buffer.alloc(0)
  let received = 0
  const take = (chunk: Buffer): void => {
    let body = chunk
    if (head.length < 4) {
      const missing = 4 - head.length
      head = Buffer.concat([head, chunk.subarray(0, missing)])
      body = chunk.subarray(missing)
    }
    chunks.push(body)
    received += body.length
    if (head.length < 4 || received < head.readUInt32BE(0)) return
    endpoint.write(Buffer.from([DONE]))
    // The mark shall go out before the hashing begins.
    setImmediate(() => endpoint.end(sha256(...chunks)))
  }
  endpoint.on('data', take)
  take(first)
}

function serveMessages(endpoint: DatagramEndpoint): void {
  endpoint.on('error', ignore)
  endpoint.on('end', () => void endpoint.close())
  let inventory = new Inventory({ pieces: 0, size: 0, total: 0, ackEvery: 1 })
  endpoint.on('message', ({ data, from, truncated }: Message) => {
    const answer = (message: Buffer): void => void endpoint.send(message, target(endpoint, from)).catch(ignore)
    if (data[0] === MESSAGE.echo) {
      answer(data)
    } else if (data[0] === MESSAGE.start) {
      inventory = new Inventory(decodeStart(data))
      answer(encodeAck(0))
    } else if (data[0] === MESSAGE.ask) {
      answer(encodeReport(inventory.report()))
    } else if (data[0] === MESSAGE.data) {
      inventory.add(data, truncated)
      if (inventory.isAckDue) answer(encodeAck(inventory.received))
    }
  })
}

function target(endpoint: DatagramEndpoint, from: Address | undefined): Address | undefined {
  return endpoint.facts.connected ? undefined : from
}

/** The pieces of one transfer: which have come, and how. */
class Inventory {
  readonly #start: Start
  readonly #pieces: (Buffer | undefined)[]
  #received = 0
  #duplicates = 0
  #damaged = 0
  #outOfOrder = 0
  #highest = -1

  constructor(start: Start) {
    this.#start = start
    this.#pieces = new Array<Buffer | undefined>(start.pieces)
  }

  get received(): number {
    return this.#received
  }

  get isAckDue(): boolean {
    return this.#received % this.#start.ackEvery === 0 || this.#received === this.#start.pieces
  }

  add(message: Buffer, truncated: boolean): void {
    const { pieces, size, total } = this.#start
    if (message.length < DATA_HEADER) {
      this.#damaged++
      return
    }
    const sequence = message.readUInt32BE(1)
    const data = message.subarray(DATA_HEADER)
    const length = sequence === pieces - 1 ? total - size * (pieces - 1) : size
    if (truncated || sequence >= pieces || data.length !== length || crc32(data) !== message.readUInt32BE(5)) {
      this.#damaged++
    } else if (this.#pieces[sequence] !== undefined) {
      this.#duplicates++
    } else {
      if (sequence < this.#highest) this.#outOfOrder++
      this.#highest = Math.max(this.#highest, sequence)
      this.#pieces[sequence] = data
      this.#received++
    }
  }

  report(): Parameters<typeof encodeReport>[0] {
    const whole = this.#received === this.#start.pieces
    return {
      received: this.#received,
      duplicates: this.#duplicates,
      damaged: this.#damaged,
      outOfOrder: this.#outOfOrder,
      sha256: whole ? sha256(...this.#pieces.filter((piece) => piece !== undefined)) : '',
    }
  }
}
