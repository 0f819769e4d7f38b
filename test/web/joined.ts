import {
  connect,
  type EngineName,
  type Listener,
  type ListenOptions,
  listen,
  type StreamEndpoint,
} from '../../src/index.ts'
import { type Need, scheme } from '../support/need.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'

/** Two ends of one connection; disposing of them destroys both. */
export interface Joined extends AsyncDisposable {
  readonly near: StreamEndpoint
  readonly far: StreamEndpoint
}

export interface Kind {
  readonly title: string
  readonly need: Need
  join(options?: ListenOptions): Promise<Joined>
}

const addresses: Record<string, (directory: TemporaryDirectory) => string> = {
  tcp: () => 'tcp://127.0.0.1:0',
  unix: (directory) => `unix:${directory.file('socket')}`,
  memory: () => 'memory:web',
}

function kind(name: string, engine?: EngineName): Kind {
  return {
    title: engine === undefined ? name : `${name}, ${engine} engine`,
    need: engine === undefined ? { met: true, note: '' } : scheme(name, engine),
    async join(options = {}) {
      await using directory = await temporaryDirectory()
      const all = { ...options, ...(engine && { engine }) }
      const address = addresses[name]?.(directory) as string
      await using listener = (await listen(address, all)) as Listener<StreamEndpoint>
      const [far, near] = await Promise.all([
        listener.accept({ timeout: 10_000 }),
        connect(listener.address, all) as Promise<StreamEndpoint>,
      ])
      return {
        near,
        far,
        async [Symbol.asyncDispose]() {
          await near[Symbol.asyncDispose]()
          await far[Symbol.asyncDispose]()
        },
      }
    },
  }
}

export const kinds: readonly Kind[] = [
  kind('tcp', 'kernel'),
  kind('tcp', 'node'),
  kind('unix', 'kernel'),
  kind('unix', 'node'),
  kind('memory'),
]
