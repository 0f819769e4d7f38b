import {
  type Address,
  bind,
  type DatagramEndpoint,
  formatAddress,
  type Listener,
  listen,
  type Message,
} from 'polysocket'
import { openMessages, readTarget } from './target.ts'

type Receiver = (datagram: Buffer) => void

/**
 * Datagrams to the other end and back, whatever the scheme. Nothing in it waits or fails: what cannot be sent now is worth
 * nothing later, so it is dropped, as the network would drop it.
 */
export class VoiceChannel {
  #endpoint: DatagramEndpoint | undefined
  #peer: Address | undefined
  #receiver: Receiver = () => undefined
  readonly #cleanUp: () => Promise<void>

  constructor(cleanUp: () => Promise<void> = async () => undefined) {
    this.#cleanUp = cleanUp
  }

  /** The endpoint may come later than the channel: an answerer's connected scheme has none until the caller is there. */
  attach(endpoint: DatagramEndpoint): void {
    if (this.#endpoint !== undefined) {
      void endpoint.close()
      return
    }
    this.#endpoint = endpoint
    // A datagram that came back as ECONNREFUSED tells that the peer is not there, or not yet: signalling's affair.
    endpoint.on('error', () => undefined)
    endpoint.on('message', ({ data, from }: Message) => {
      // Symmetric RTP, RFC 4961: answers go to where the peer's packets come from.
      if (!endpoint.facts.connected && from !== undefined) this.#peer = from
      this.#receiver(data)
    })
  }

  /** An endpoint that is connected sends to its peer; any other to who wrote last, and to nobody before that. */
  send(datagram: Uint8Array): void {
    const endpoint = this.#endpoint
    if (endpoint === undefined || endpoint.closed) return
    try {
      // A peer over unixpacket has no name, and is the peer all the same.
      if (endpoint.facts.connected || endpoint.remote !== undefined) endpoint.trySend(datagram)
      else if (this.#peer !== undefined) endpoint.trySend(datagram, this.#peer)
    } catch {
      // ECONNREFUSED, ENOBUFS: a lost packet like any other.
    }
  }

  onDatagram(receiver: Receiver): void {
    this.#receiver = receiver
  }

  async close(): Promise<void> {
    await this.#endpoint?.close()
    await this.#cleanUp()
  }
}

/** The answerer's end: opened at a place, and the address that the caller is told. */
export async function offerVoice(place: string): Promise<{ readonly address: string; readonly channel: VoiceChannel }> {
  const { address, facts } = readTarget(place, 'datagram')
  if (facts.connected) {
    const listener = (await listen(address)) as Listener<DatagramEndpoint>
    const channel = new VoiceChannel(() => listener.close())
    listener.on('error', () => undefined)
    listener.on('connection', (endpoint: DatagramEndpoint) => channel.attach(endpoint))
    return { address: formatAddress(listener.address), channel }
  }
  const endpoint = await bind(address)
  const channel = new VoiceChannel()
  channel.attach(endpoint)
  return { address: formatAddress(endpoint.local as Address), channel }
}

/** The caller's end. */
export async function joinVoice(address: string): Promise<VoiceChannel> {
  const channel = new VoiceChannel()
  channel.attach(await openMessages(readTarget(address, 'datagram'), { timeout: 10_000 }))
  return channel
}
