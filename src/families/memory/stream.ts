import { socketClosed } from '../../core/errors.ts'
import type { Done, StreamEvents, StreamHandle } from '../../core/family.ts'
import type { MemoryAddress } from './address.ts'
import type { Faults } from './faults.ts'
import { MemoryHandle } from './handle.ts'
import { Lane, Route } from './lane.ts'
import { claim, freshName, type Line, type Link } from './link.ts'
import { type Carrier, Pipe } from './pipe.ts'

/** Two pipes, one each way, over the links of both ends. */
export class Connection implements Carrier, Line {
  readonly there: Pipe
  readonly back: Pipe
  readonly #links: readonly Link[]
  #carried = 0
  #broken = false

  constructor(near: Link, far: Link) {
    this.#links = [near, far]
    const lane = (link: Link, inbound: 0 | 1): Lane => new Lane(link, 2 * link.connections + inbound)
    this.there = new Pipe(this, new Route(lane(near, 0), lane(far, 1)))
    this.back = new Pipe(this, new Route(lane(far, 0), lane(near, 1)))
    for (const link of this.#links) {
      link.connections++
      link.lines.add(this)
    }
  }

  other(pipe: Pipe): Pipe {
    return pipe === this.there ? this.back : this.there
  }

  allowance(): number {
    return Math.max(0, Math.min(...this.#links.map((link) => link.rates.cut)) - this.#carried)
  }

  carry(bytes: number): void {
    this.#carried += bytes
  }

  break(code: string, due: number): void {
    if (this.#broken) return
    this.#broken = true
    if (code === 'ECONNRESET') for (const link of this.#links) link.stats.cuts++
    this.there.reset(code, due)
    this.back.reset(code, due)
  }

  cut(): number {
    if (this.#broken) return 0
    this.there.drop()
    this.back.drop()
    this.break('ECONNRESET', 0)
    return 1
  }
}

/** One end of a connection. */
export class MemoryStream extends MemoryHandle implements StreamHandle<MemoryAddress> {
  readonly type = 'stream'
  readonly remote: MemoryAddress
  readonly #connection: Connection
  readonly #outgoing: Pipe
  readonly #incoming: Pipe
  readonly #ownsName: boolean
  #flowing = false
  #writing = false

  /** The name of an accepted end is its listener's; every other end owns its own, and gives it back on closing. */
  constructor(connection: Connection, outgoing: Pipe, link: Link, remote: MemoryAddress, ownsName: boolean) {
    super(link)
    this.remote = remote
    this.#connection = connection
    this.#outgoing = outgoing
    this.#incoming = connection.other(outgoing)
    this.#ownsName = ownsName
  }

  start(events: StreamEvents): void {
    this.#incoming.start({
      onData: (chunk) => events.onData(chunk),
      onEnd: () => {
        this.#update()
        events.onEnd()
      },
      onError: (error) => {
        this.#update()
        events.onError(error)
      },
    })
  }

  resume(): void {
    this.#flow(true)
  }

  pause(): void {
    this.#flow(false)
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.closed) {
      done(socketClosed('write'))
      return
    }
    this.#writing = true
    this.#outgoing.write(chunks, (error) => {
      this.#writing = false
      this.#update()
      done(error)
    })
    this.#update()
  }

  end(done: Done): void {
    if (!this.closed) this.#outgoing.end()
    done(this.closed ? socketClosed('shutdown') : null)
  }

  close(): void {
    this.#close(false)
  }

  reset(): void {
    this.#close(true)
  }

  #close(reset: boolean): void {
    if (this.closed) return
    this.closed = true
    const unread = this.#incoming.abandon()
    if (reset) this.#outgoing.drop()
    // Closing with bytes unread is a reset for the peer, as in TCP (RFC 2525, 2.17) and in unix(7)'s streams.
    if (reset || unread) this.#outgoing.reset('ECONNRESET')
    else this.#outgoing.end()
    this.#outgoing.refuse(() => socketClosed('write'))
    this.hold.wait(false)
    if (this.#ownsName) this.link.vacate()
    this.link.release(this.#connection)
  }

  #flow(flowing: boolean): void {
    if (this.closed) return
    this.#flowing = flowing
    this.#incoming.flow(flowing)
    this.#update()
  }

  #update(): void {
    this.hold.wait(!this.closed && (this.#writing || (this.#flowing && this.#incoming.live)))
  }
}

/** socketpair(2). */
export function streamPair(faults: Faults | undefined): [MemoryStream, MemoryStream] {
  const a = claim(freshName('memory'), faults)
  const b = claim(freshName('memory'), faults)
  const connection = new Connection(a, b)
  return [
    new MemoryStream(connection, connection.there, a, b.address, true),
    new MemoryStream(connection, connection.back, b, a.address, true),
  ]
}
