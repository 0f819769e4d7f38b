/** Counts of a stream endpoint, since it was made. All in bytes. */
export interface StreamStats {
  /** Taken from the system. */
  readonly bytesRead: number
  /** Handed to the system. A write counts when all of it was taken. */
  readonly bytesWritten: number
  /** Wait in the endpoint for its reader; part of `bytesRead`. */
  readonly bytesUnread: number
  /** Wait in the endpoint for room in the system; not part of `bytesWritten`. */
  readonly bytesUnsent: number
}

/** Counts of a datagram endpoint, since it was made. */
export interface DatagramStats {
  /** Taken from the system, those that were then dropped included. */
  readonly messagesReceived: number
  readonly bytesReceived: number
  /** Handed to the system. */
  readonly messagesSent: number
  readonly bytesSent: number
  /**
   * Received messages that found the receive queue full, or had descriptors when the endpoint closed. Those that the system
   * dropped are not counted.
   */
  readonly messagesDropped: number
  /** Messages that were not sent: refused by the system or by a full send queue, given up, or still waiting at `close`. */
  readonly messagesFailed: number
  /** Messages that wait in the endpoint for a receiver. */
  readonly messagesUnread: number
  /** Messages that wait in the endpoint for room in the system. */
  readonly messagesUnsent: number
}

/** Counts of a listener, since it was made. */
export interface ListenerStats {
  /** Connections that became endpoints. */
  readonly accepted: number
  /** Connections that were closed at once: `maxConnections` were open, `allow` refused the peer, or they failed. */
  readonly dropped: number
  /** Connections that it accepted and that are open now. */
  readonly connections: number
}
