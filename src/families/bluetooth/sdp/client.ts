import { checkDeadline, type DeadlineOptions, withDeadline } from '../../../core/deadline.ts'
import { Malformed } from './bytes.ts'
import type { Element } from './element.ts'
import { endedEarly, protocolError, refused } from './errors.ts'
import {
  ATTRIBUTE_REQUEST,
  type AttributeRange,
  type AttributeResponse,
  attributeParameters,
  type Continuation,
  decodeResponse,
  ERROR_RESPONSE,
  encodeRequest,
  SEARCH_ATTRIBUTE_REQUEST,
  SEARCH_REQUEST,
  SEARCH_RESPONSE,
  type SearchResponse,
  searchAttributeParameters,
  searchParameters,
} from './pdu.ts'
import { Pieces } from './pieces.ts'
import { recordOf, recordsOf, type ServiceRecord } from './record.ts'

/** What the client needs of a connection to PSM 1: a `DatagramEndpoint` has it. `undefined`: the peer has ended. */
export interface SdpConnection {
  send(bytes: Uint8Array): Promise<unknown>
  receive(): Promise<{ readonly data: Uint8Array } | undefined>
}

export interface SdpClientOptions {
  /** The device in text, for errors. */
  readonly address?: string | undefined
  /** Aborts what is in flight, and everything after it; see `connect`. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that the device may take for one response. Default 20,000, as in BlueZ's library. */
  readonly responseTimeout?: number | undefined
}

const RESPONSE_TIMEOUT = 20_000

/** Enough for 256 KiB from a device that puts 64 bytes into a response. */
const MAX_RESPONSES = 4096

const EVERYTHING: readonly AttributeRange[] = [[0, 0xffff]]
const START: Continuation = new Uint8Array()

/**
 * Asks a device for its service records; Core specification, volume 3, part B, 4. Requests go one after the other, in the
 * order of the calls. The connection stays the caller's to close.
 *
 * Every method rejects with
 * - `EREMOTEIO` where the device answers with an error;
 * - `EPROTO` where it answers what it may not: cut short, contradictory, out of turn, without end;
 * - `ECONNRESET` where it closes the connection, `ETIMEDOUT` where it says nothing, an `AbortError`, and the connection's
 *   own errors.
 *
 * After any of them but `EREMOTEIO` question and answer may be out of step, and the connection is of no more use.
 */
export class SdpClient {
  readonly #connection: SdpConnection
  readonly #address: string | undefined
  readonly #limit: DeadlineOptions
  #transaction = 0
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(connection: SdpConnection, { address, signal, responseTimeout }: SdpClientOptions = {}) {
    this.#connection = connection
    this.#address = address
    this.#limit = { signal, timeout: responseTimeout ?? RESPONSE_TIMEOUT }
    checkDeadline(this.#limit)
  }

  /** The handles of the records, `maximum` at most, that have all of the UUIDs (1 to 12) somewhere among their values. */
  async serviceSearch(uuids: readonly string[], maximum = 0xffff): Promise<number[]> {
    const parameters = searchParameters(uuids, maximum)
    return this.#inTurn(async () => {
      const found: number[] = []
      let announced = 0
      for await (const response of this.#responses(SEARCH_REQUEST, parameters)) {
        const { handles, total } = response as SearchResponse
        announced = total
        found.push(...handles)
        if (found.length > maximum) throw new Malformed(`${maximum} records were asked for, and ${found.length} came`)
        if (found.length > total) throw new Malformed(`${total} records were announced, and ${found.length} came`)
      }
      if (found.length < announced) throw new Malformed(`${announced} records were announced, and ${found.length} came`)
      return found
    })
  }

  /** The attributes of the record with that handle: all of them without `ranges`, which go in ascending order. */
  async serviceAttribute(handle: number, ranges: readonly AttributeRange[] = EVERYTHING): Promise<ServiceRecord> {
    const parameters = attributeParameters(handle, ranges)
    return this.#inTurn(async () => recordOf(await this.#element(ATTRIBUTE_REQUEST, parameters)))
  }

  /** `serviceSearch`, and `serviceAttribute` of every record that it finds, in one request. */
  async searchAttributes(
    uuids: readonly string[],
    ranges: readonly AttributeRange[] = EVERYTHING,
  ): Promise<ServiceRecord[]> {
    const parameters = searchAttributeParameters(uuids, ranges)
    return this.#inTurn(async () => recordsOf(await this.#element(SEARCH_ATTRIBUTE_REQUEST, parameters)))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = async (): Promise<T> => {
      try {
        return await work()
      } catch (error) {
        throw error instanceof Malformed ? protocolError(error.message, this.#address, error) : error
      }
    }
    const result = this.#lastTurn.then(turn, turn)
    this.#lastTurn = result
    return result
  }

  async #element(request: number, parameters: Uint8Array): Promise<Element> {
    const pieces = new Pieces()
    for await (const response of this.#responses(request, parameters)) pieces.add((response as AttributeResponse).piece)
    return pieces.element()
  }

  /** The responses that together are the answer. Each has the identifier that belongs to the request. */
  async *#responses(request: number, parameters: Uint8Array): AsyncGenerator<SearchResponse | AttributeResponse> {
    let continuation = START
    for (let count = 1; count <= MAX_RESPONSES; count++) {
      const response = await this.#exchange(request, parameters, continuation)
      yield response
      continuation = response.continuation
      if (continuation.length === 0) return
      const size = response.id === SEARCH_RESPONSE ? response.handles.length : response.piece.length
      if (size === 0) throw new Malformed('the answer goes on and on, but nothing comes')
    }
    throw new Malformed(`the answer has not ended after ${MAX_RESPONSES} responses`)
  }

  async #exchange(
    request: number,
    parameters: Uint8Array,
    continuation: Continuation,
  ): Promise<SearchResponse | AttributeResponse> {
    this.#transaction = (this.#transaction + 1) & 0xffff
    const bytes = encodeRequest(request, this.#transaction, parameters, continuation)
    const message = await withDeadline(
      this.#limit,
      'sdp',
      this.#address,
      async () => {
        await this.#connection.send(bytes)
        return this.#connection.receive()
      },
      () => undefined,
    )
    if (message === undefined) throw endedEarly(this.#address)
    const response = decodeResponse(message.data)
    if (response.transaction !== this.#transaction) {
      throw new Malformed(`the response is to request ${response.transaction}, not to ${this.#transaction}`)
    }
    if (response.id === ERROR_RESPONSE) throw refused(response.code, this.#address)
    if (response.id !== request + 1) {
      throw new Malformed(`the response to request type ${request} is of type ${response.id}, not ${request + 1}`)
    }
    return response
  }
}
