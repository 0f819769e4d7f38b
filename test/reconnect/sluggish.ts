import { memory } from '../../src/families/memory.ts'
import { type AddressFamily, createSockets, type MemoryAddress, type Sockets } from '../../src/index.ts'

/** The memory family with a connect that can be made to hang, and to go through after it was given up. */
export class Sluggish {
  tries = 0
  aborts = 0
  hang = false
  lastOptions: unknown
  bring: () => void = () => undefined
  readonly sockets: Sockets = createSockets([this.#family()])

  #family(): AddressFamily<MemoryAddress> {
    return {
      ...memory,
      connect: async (address, request) => {
        this.tries++
        this.lastOptions = request.options
        request.signal?.addEventListener('abort', () => this.aborts++)
        if (this.hang) {
          await new Promise<void>((resolve) => {
            this.bring = resolve
          })
        }
        return memory.connect?.(address, { ...request, signal: undefined }) as ReturnType<
          NonNullable<typeof memory.connect>
        >
      },
    }
  }
}
