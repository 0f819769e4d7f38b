import type { AddressBase } from './address.ts'
import { type DeadlineOptions, withDeadline } from './deadline.ts'
import { socketClosed } from './errors.ts'
import type { HeldDescriptors, ListenerHandle, Token } from './family.ts'
import { ASK, HandOverChannel, LEFT, OFFER, TAKEN } from './hand-over-channel.ts'
import type { StreamEndpoint } from './stream.ts'
import { nextTurn } from './timers.ts'

/** Milliseconds for the last two frames, after the socket has changed hands. Without them only the stream is lost. */
const COURTESY_LIMIT = 1000

/**
 * The socket of a listener, offered to another process together with a token. The process that takes the token first has the
 * socket, so exactly one has it, whichever of the two stops, dies or gives up, and whenever.
 */
export class Offer {
  readonly #channel: HandOverChannel
  readonly #handle: ListenerHandle<AddressBase>
  #token: Token | undefined
  #isTold = false
  #isOver = false

  constructor(endpoint: StreamEndpoint, handle: ListenerHandle<AddressBase>) {
    this.#channel = new HandOverChannel(endpoint, 'handOver')
    this.#handle = handle
  }

  /**
   * Resolves once the other process has the socket, and owns what its name left behind; ours is then to be abandoned. When
   * it rejects, ours stays ours, and the stream is destroyed.
   */
  async give(options: DeadlineOptions): Promise<void> {
    const channel = this.#channel
    try {
      await unlessGivenUp(channel, options, async () => {
        // Descriptors that come before somebody wants them are closed by the system: the taker says when it does.
        await channel.read(ASK)
        if (this.#isOver || this.#handle.fd === undefined) throw socketClosed('handOver')
        this.#token = this.#handle.token?.() as Token
        await channel.write(OFFER, this.#handle.inheritance, [this.#handle.fd, this.#token.fd])
        await channel.read(TAKEN)
        this.#isTold = true
      })
      await part(channel, () => channel.write(LEFT))
    } catch (error) {
      channel.destroy()
      // One that took the token and died before it could say so leaves the socket to us, who still have it.
      if (this.#isOurs() || channel.isPeerGone) throw error
    } finally {
      this.#isOver = true
      this.#token?.close()
    }
  }

  /** Ends the offer, if it is not over. True where the socket stays ours. */
  end(): boolean {
    const isOurs = this.#isOurs()
    if (!this.#isOver) this.#channel.destroy()
    this.#isOver = true
    return isOurs
  }

  #isOurs(): boolean {
    return !this.#isTold && (this.#token === undefined || this.#token.take())
  }
}

/** A listener that becomes ours with the token. */
export interface Taking<T> {
  readonly listener: T
  readonly handle: ListenerHandle<AddressBase>
}

/**
 * Takes the socket that the other process offers, also where that process has died since. `adopt` owns the descriptor from
 * then on, also when it throws. When this rejects, the socket is still the other's, ours is closed, and the stream is
 * destroyed.
 */
export async function receiveListener<T>(
  endpoint: StreamEndpoint,
  options: DeadlineOptions,
  adopt: (held: HeldDescriptors) => Taking<T>,
): Promise<T> {
  const channel = new HandOverChannel(endpoint, 'takeOver')
  channel.wantFds()
  try {
    const listener = await unlessGivenUp(channel, options, async () => {
      await channel.write(ASK)
      const inheritance = await channel.read(OFFER)
      return take(channel, inheritance, adopt)
    })
    await part(channel, async () => {
      await channel.write(TAKEN)
      await channel.read(LEFT)
    })
    return listener
  } catch (error) {
    channel.destroy()
    throw error
  } finally {
    closeAll(channel.takeFds())
  }
}

function take<T>(channel: HandOverChannel, inheritance: string, adopt: (held: HeldDescriptors) => Taking<T>): T {
  const came = channel.takeFds()
  const [socket, tokenCame] = came
  if (socket === undefined || tokenCame === undefined || came.length > 2) {
    closeAll(came)
    throw channel.violation(`${came.length} descriptors came, and not two`)
  }
  let taking: Taking<T> | undefined
  let token: Token | undefined
  try {
    taking = adopt(socket)
    const { handle, listener } = taking
    // A handle without tokens leaves the descriptor to be closed.
    if (handle.token !== undefined) token = tokenCame.give((fd) => handle.token?.(fd))
    if (inheritance !== '') handle.inherit?.(inheritance)
    // The point of no return, for both. Who cannot say that it has the token must not take it: it would pass for dead.
    if (channel.isDestroyed || token?.take() !== true) throw channel.reset()
    return listener
  } catch (error) {
    taking?.handle.abandon?.()
    throw error
  } finally {
    tokenCame.close()
    token?.close()
  }
}

/** Closes descriptors that came from the other process, and that nothing owns yet. */
function closeAll(came: readonly HeldDescriptors[]): void {
  for (const held of came) held.close()
}

/**
 * Runs the steps under the deadline. When it passes, the event loop has one more turn to read what has arrived; then the
 * stream is destroyed. What the steps have done by then stands.
 */
async function unlessGivenUp<T>(channel: HandOverChannel, options: DeadlineOptions, run: () => Promise<T>): Promise<T> {
  let isDone = false
  let steps: Promise<T> | undefined
  const start = (): Promise<T> => {
    steps = run().then((result) => {
      isDone = true
      return result
    })
    return steps
  }
  try {
    return await withDeadline(options, channel.syscall, undefined, start, () => undefined)
  } catch (error) {
    await nextTurn()
    if (!isDone) channel.destroy()
    if (steps === undefined) throw error
    return steps.catch(() => {
      throw error
    })
  }
}

/** Exchanges the last frames and gives the stream back as it was; destroys it where they do not come. */
async function part(channel: HandOverChannel, frames: () => Promise<unknown>): Promise<void> {
  try {
    await withDeadline({ timeout: COURTESY_LIMIT }, channel.syscall, undefined, frames, () => undefined)
    channel.release()
  } catch {
    channel.destroy()
  }
}
