import { pipeline } from 'node:stream/promises'
import type { StreamEndpoint } from 'polysocket'
import { openStream, type Target } from './target.ts'

/** Carries connections on to a target: bytes, backpressure, the end of each direction by itself, and errors as resets. */
export class StreamCarrier {
  readonly #target: Target
  readonly #open = new Set<StreamEndpoint>()
  readonly #carrying = new Set<Promise<void>>()

  constructor(target: Target) {
    this.#target = target
  }

  carry(near: StreamEndpoint): void {
    const carrying = this.#join(near).finally(() => this.#carrying.delete(carrying))
    this.#carrying.add(carrying)
  }

  /** Both ends of every connection get a reset. Resolves when they are closed. */
  async cut(): Promise<void> {
    for (const end of this.#open) reset(end)
    await Promise.all(this.#carrying)
  }

  /** Never rejects: what goes wrong at one end is told to the other, and nobody else has a use for it. */
  async #join(near: StreamEndpoint): Promise<void> {
    const given = new AbortController()
    near.once('error', () => given.abort())
    near.once('close', () => given.abort())
    this.#keep(near)
    try {
      const far = await openStream(this.#target, { signal: given.signal })
      this.#keep(far)
      // Before the pipelines listen: they would close the other end in order, and a cut must not be taken for an end.
      near.once('error', () => reset(far))
      far.once('error', () => reset(near))
      await Promise.allSettled([pipeline(near, far), pipeline(far, near)])
    } catch {
      // The target refuses, or the caller went away meanwhile.
      reset(near)
    }
  }

  #keep(end: StreamEndpoint): void {
    this.#open.add(end)
    // Two pipelines over one end listen more than Node takes for usual, and warn of a leak.
    end.setMaxListeners(20)
    end.on('error', () => undefined)
    end.once('close', () => this.#open.delete(end))
  }
}

function reset(end: StreamEndpoint): void {
  if (!end.destroyed) end.resetAndDestroy()
}
