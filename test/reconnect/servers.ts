import {
  type Address,
  type DatagramEndpoint,
  type EngineName,
  formatAddress,
  type Listener,
  listen,
  type StreamEndpoint,
} from '../../src/index.ts'

type Endpoint = StreamEndpoint | DatagramEndpoint

/** A server at one address that can go away, with all its connections, and come back. */
export class Server implements AsyncDisposable {
  readonly address: string
  readonly peers: Endpoint[] = []
  /** Everything that arrived, connection by connection. */
  readonly received: Buffer[][] = []
  readonly #engine: EngineName | undefined
  readonly #onPeer: ((peer: Endpoint) => void) | undefined
  #listener: Listener<Endpoint> | undefined

  private constructor(address: string, engine: EngineName | undefined, onPeer: ((peer: Endpoint) => void) | undefined) {
    this.address = address
    this.#engine = engine
    this.#onPeer = onPeer
  }

  /** `address` may leave the port to the system; the server keeps it from then on. */
  static async start(
    address: string,
    { engine, onPeer }: { engine?: EngineName; onPeer?: (peer: Endpoint) => void } = {},
  ): Promise<Server> {
    const first = (await listen(address, engine === undefined ? {} : { engine })) as Listener<Endpoint>
    const server = new Server(formatAddress(first.address as Address), engine, onPeer)
    server.#serve(first)
    return server
  }

  async start(): Promise<void> {
    this.#serve(
      (await listen(this.address, this.#engine === undefined ? {} : { engine: this.#engine })) as Listener<Endpoint>,
    )
  }

  #serve(listener: Listener<Endpoint>): void {
    this.#listener = listener
    listener.on('connection', (peer) => {
      const received: Buffer[] = []
      this.peers.push(peer)
      this.received.push(received)
      peer.on('error', () => undefined)
      if ('batches' in peer) peer.on('message', ({ data }) => received.push(data))
      else peer.on('data', (chunk: Buffer) => received.push(chunk))
      this.#onPeer?.(peer)
    })
  }

  get text(): string {
    return this.received.flat().map(String).join('')
  }

  /** Closes the connections and leaves the address. */
  async stop(): Promise<void> {
    await this.#listener?.close()
    await this.dropPeers()
  }

  async dropPeers(): Promise<void> {
    for (const peer of this.peers.splice(0)) await peer[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
