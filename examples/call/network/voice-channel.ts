import {
  type Address,
  bind,
  type DatagramEndpoint,
  formatAddress,
  type Listener,
  listen,
  type Message,
} from 'polysocket'
import { parseRtp } from '../voice/rtp.ts'
import { openMessages, readTarget } from './target.ts'

type Receiver = (datagram: Buffer) => void

/**
 * Datagrams to the other end and back, whatever the scheme. Nothing in it waits or fails: what cannot be sent now is worth
 * nothing later, so it is dropped, as the network would drop it.
 *
 * Where the scheme has no connections, the first who sends RTP is the peer for as long as the channel lasts, and what others
 * send is passed over: RFC 7362 calls this latching. It keeps strays out, and not somebody who knows the address and is
 * faster than the peer, or who forges the peer's address; against those, voice has to be encrypted (RFC 3711).
 */
export class VoiceChannel implements AsyncDisposable {
  #endpoint: DatagramEndpoint | undefined
  #peer: Address | undefined
  #receiver: Receiver = () => undefined
  readonly #cleanUp: () => Promise<void>

  constructor(cleanUp: () => Promise<void> = async () => undefined) {
    this.#cleanUp = cleanUp
  }

  /** The endpoint may come later than the channel: an answerer's connected scheme has none until the caller is there. */
  attach(endpoint: DatagramEndpoint): void {
    if (this.#endpoint !== undefined && !this.#endpoint.closed) {
      void endpoint.close()
      return
    }
    this.#endpoint = endpoint
    // A datagram that came back as ECONNREFUSED tells that the peer is not there, or not yet: signalling's affair.
    endpoint.on('error', () => undefined)
    // The peer has closed the connection, and may come back with another.
    endpoint.on('end', () => void endpoint.close())
    endpoint.on('message', ({ data, from }: Message) => {
      if (this.#isFromPeer(endpoint, data, from)) this.#receiver(data)
    })
  }

  /** To the peer; to nobody as long as it is not known. */
  send(datagram: Uint8Array): void {
    const endpoint = this.#endpoint
    if (endpoint === undefined || endpoint.closed) return
    try {
      if (isConnected(endpoint)) endpoint.trySend(datagram)
      else if (this.#peer !== undefined) endpoint.trySend(datagram, this.#peer)
    } catch {
      // ECONNREFUSED, ENOBUFS: a lost packet like any other.
    }
  }

  /** Who takes what comes; there is one. */
  onDatagram(receiver: Receiver): void {
    this.#receiver = receiver
  }

  async close(): Promise<void> {
    await this.#endpoint?.close()
    await this.#cleanUp()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #isFromPeer(endpoint: DatagramEndpoint, data: Buffer, from: Address | undefined): boolean {
    if (isConnected(endpoint)) return true
    if (from === undefined) return false
    // Symmetric RTP, RFC 4961: answers go to where the peer's packets come from.
    if (this.#peer === undefined && parseRtp(data) !== undefined) this.#peer = from
    return this.#peer !== undefined && formatAddress(from) === formatAddress(this.#peer)
  }
}

/** A channel that the other end may come to. */
export class OfferedVoice extends VoiceChannel {
  readonly address: string

  constructor(address: Address, cleanUp?: () => Promise<void>) {
    super(cleanUp)
    this.address = formatAddress(address)
  }
}

/** To the kernel it is, so that nobody else is heard on it. A peer over unixpacket has no name, and is the peer all the same. */
function isConnected({ facts, remote }: DatagramEndpoint): boolean {
  return facts.connected || remote !== undefined
}

/** The answerer's end: opened at a place, with the address that the caller is told. */
export async function offerVoice(place: string): Promise<OfferedVoice> {
  const { address, facts } = readTarget(place, 'datagram')
  if (!facts.connected) {
    const endpoint = await bind(address)
    const offered = new OfferedVoice(endpoint.local as Address)
    offered.attach(endpoint)
    return offered
  }
  const listener = (await listen(address)) as Listener<DatagramEndpoint>
  const offered = new OfferedVoice(listener.address as Address, () => listener.close())
  listener.on('error', () => undefined)
  listener.on('connection', (endpoint: DatagramEndpoint) => offered.attach(endpoint))
  return offered
}

/** The caller's end. */
export async function joinVoice(address: string): Promise<VoiceChannel> {
  const channel = new VoiceChannel()
  channel.attach(await openMessages(readTarget(address, 'datagram'), { timeout: 10_000 }))
  return channel
}
