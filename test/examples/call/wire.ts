import { connect, type Listener, listen, type StreamEndpoint } from 'polysocket'

/** A wire between a caller and a place, which can be cut, or falls silent. */
export class Wire implements AsyncDisposable {
  readonly address: string
  readonly #target: string
  readonly #ends = new Set<StreamEndpoint>()
  #listener: Listener<StreamEndpoint> | undefined
  /** Ends of connections that carry nothing any more. */
  readonly #silent = new Set<StreamEndpoint>()
  /** Connections that were made over it. */
  count = 0

  private constructor(address: string, target: string) {
    this.address = address
    this.#target = target
  }

  /** `address` is of a Unix socket: free again as soon as it is closed. */
  static async lay(address: string, target: string): Promise<Wire> {
    const wire = new Wire(address, target)
    await wire.mend()
    return wire
  }

  async mend(): Promise<void> {
    this.#listener ??= ((await listen(this.address)) as Listener<StreamEndpoint>).on('connection', (near) =>
      this.#join(near),
    )
  }

  /** Ends of connections that are open: two for each that is whole. */
  get open(): number {
    return this.#ends.size
  }

  /** Every connection over it is closed, and nobody gets another. */
  async cut(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    await listener?.close()
    for (const end of this.#ends) end.destroy()
  }

  /** Over the connections of now nothing passes any more, and nobody is told. Later ones are not concerned. */
  silence(): void {
    for (const end of this.#ends) this.#silent.add(end)
  }

  #join(near: StreamEndpoint): void {
    this.count++
    const far = connect(this.#target) as Promise<StreamEndpoint>
    this.#carry(near, far)
    void far.then((end) => this.#carry(end, Promise.resolve(near)))
  }

  #carry(from: StreamEndpoint, to: Promise<StreamEndpoint>): void {
    this.#ends.add(from)
    from.on('error', () => undefined)
    from.on('data', async (chunk: Buffer) => {
      const end = await to
      if (!this.#silent.has(from) && !end.destroyed) end.write(chunk)
    })
    from.on('close', async () => {
      this.#ends.delete(from)
      const end = await to
      if (!this.#silent.has(from)) end.destroySoon()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cut()
  }
}
