/** What a peer sent cannot be. The message says what was wrong with it, and is what the peer gets to read, too. */
export class ProtocolError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ProtocolError'
  }
}
