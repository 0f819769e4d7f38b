/** What an endpoint hands to its user: a stream of bytes, or messages with boundaries. */
export type EndpointKind = 'stream' | 'datagram'

/**
 * What a scheme promises. Facts are declared once, by the family; endpoints carry them, the README's table and
 * `polysocket families` print them, and the conformance suite holds the family to each of them.
 */
export interface SchemeFacts {
  readonly kind: EndpointKind
  /** The socket behind it, in the words of socket(7): `'AF_UNIX, SOCK_DGRAM'`. */
  readonly socket: string
  /** Two ends are joined by connect and accept before data flows (SOCK_STREAM, SOCK_SEQPACKET). */
  readonly connected: boolean
  /** What was accepted for sending arrives, or the endpoint reports an error. */
  readonly reliable: boolean
  /** What arrives, arrives in the order in which it was sent. */
  readonly ordered: boolean
  /** One send is one receive. Always true for datagrams, false for streams. */
  readonly boundaries: boolean
  /** One direction can end while the other goes on: shutdown(2) with SHUT_WR. */
  readonly halfClose: boolean
  /** Largest message in bytes with the system's default buffers; absent for streams and where there is no limit. */
  readonly maxMessage?: number
}
