import type { Address, AddressBase } from '../../src/core/address.ts'
import type {
  AnyHandle,
  DatagramHandle,
  ListenerHandle,
  Message,
  Outgoing,
  StreamHandle,
} from '../../src/core/family.ts'
import type { OpenRequest } from '../../src/core/options.ts'
import { factsOf, type KernelFamilyDefinition } from '../../src/engine/kernel-family.ts'
import { NodeOpener } from '../../src/engine/node-open.ts'
import { type InetAddress, inetDefinition } from '../../src/families/inet.ts'
import { type UnixAddress, unixDefinition } from '../../src/families/unix.ts'
import { Child } from '../support/child.ts'

/** The node engine under the families' own definitions, with no endpoints above. */
export const inetOpener: NodeOpener<InetAddress> = opener(inetDefinition)
export const unixOpener: NodeOpener<UnixAddress> = opener(unixDefinition)

function opener<A extends AddressBase>(definition: KernelFamilyDefinition<A>): NodeOpener<A> {
  const { node, schemes, name } = definition
  if (node === undefined) throw new Error(`the family ${name} has no codec for Node`)
  return new NodeOpener(definition, node, ({ scheme }) => {
    const numbers = schemes[scheme]
    if (numbers === undefined) throw new Error(`the family ${name} has no scheme ${scheme}`)
    return factsOf(name, numbers)
  })
}

export function request<A>(part: Partial<OpenRequest<A>> = {}): OpenRequest<A> & { backlog: number } {
  return { signal: undefined, engine: 'node', local: undefined, options: {}, backlog: 511, ...part }
}

export function tcp(port: number, host = '127.0.0.1'): InetAddress<'tcp'> {
  return { family: 'inet', scheme: 'tcp', host, port }
}

export function udp(port: number, host = '127.0.0.1'): InetAddress<'udp'> {
  return { family: 'inet', scheme: 'udp', host, port }
}

export function unix(path: string): UnixAddress<'unix'> {
  return { family: 'unix', scheme: 'unix', path }
}

export function portOf(handle: { readonly local: AddressBase | undefined }): number {
  const { port } = (handle.local ?? {}) as { port?: number }
  if (port === undefined) throw new Error('the handle has no port')
  return port
}

/** A handle that the end of the test closes. */
export interface Owned<H> extends Disposable {
  readonly handle: H
}

export function owned<H extends { close(): void }>(handle: H): Owned<H> {
  return { handle, [Symbol.dispose]: () => handle.close() }
}

export async function connectStream(port: number, part?: Partial<OpenRequest<InetAddress>>): Promise<Reader> {
  return new Reader(asStream(await inetOpener.connect(tcp(port), request(part))))
}

export function asStream<A extends AddressBase>(handle: AnyHandle<A>): StreamHandle<A> {
  if (handle.type !== 'stream') throw new Error('it is no stream')
  return handle
}

/** Notes what a stream handle calls. Nothing is read before `handle.resume`. */
export class Reader implements Disposable {
  readonly handle: StreamHandle<AddressBase>
  readonly calls: string[] = []
  error: NodeJS.ErrnoException | undefined
  #data: Buffer[] = []
  bytes = 0

  constructor(handle: StreamHandle<AddressBase>) {
    this.handle = handle
    handle.start({
      onData: (chunk) => {
        this.calls.push('data')
        this.bytes += chunk.length
        if (this.bytes < 1_000_000) this.#data.push(chunk)
      },
      onEnd: () => void this.calls.push('end'),
      onError: (error) => {
        this.calls.push('error')
        this.error = error
      },
    })
  }

  /** The first of what came. */
  get text(): string {
    return Buffer.concat(this.#data).toString()
  }

  write(...texts: (string | Uint8Array)[]): Promise<void> {
    const chunks = texts.map((text) => Buffer.from(text))
    return new Promise((resolve, reject) => this.handle.write(chunks, (error) => (error ? reject(error) : resolve())))
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => this.handle.end((error) => (error ? reject(error) : resolve())))
  }

  [Symbol.dispose](): void {
    this.handle.close()
  }
}

/** Notes whom a listener handle accepts. Nobody is taken before `handle.resume`. */
export class Acceptor implements Disposable {
  readonly handle: ListenerHandle<AddressBase>
  readonly accepted: Reader[] = []
  readonly errors: NodeJS.ErrnoException[] = []
  /** Called within `onAccept`. */
  onAccept: () => void = () => undefined

  constructor(handle: ListenerHandle<AddressBase>) {
    this.handle = handle
    handle.start({
      onAccept: (stream) => {
        this.accepted.push(new Reader(asStream(stream)))
        this.onAccept()
      },
      onError: (error) => void this.errors.push(error),
    })
  }

  [Symbol.dispose](): void {
    this.handle.close()
    for (const reader of this.accepted) reader.handle.close()
  }
}

/** Notes what a datagram handle calls. Nothing is received before `handle.resume`. */
export class Receiver implements Disposable {
  readonly handle: DatagramHandle<InetAddress>
  readonly batches: Message<InetAddress>[][] = []
  readonly errors: { readonly error: NodeJS.ErrnoException; readonly fatal: boolean }[] = []
  #onWritable: () => void = () => undefined

  constructor(handle: DatagramHandle<InetAddress>) {
    this.handle = handle
    handle.start({
      onMessages: (batch) => void this.batches.push(batch),
      onWritable: () => this.#onWritable(),
      onEnd: () => undefined,
      onError: (error, fatal) => void this.errors.push({ error, fatal }),
    })
  }

  get texts(): string[] {
    return this.batches.flat().map(({ data }) => data.toString())
  }

  /** Sends all of them, waiting for room where it has to; says how many were taken at first. */
  async sendAll(messages: readonly Outgoing[]): Promise<number> {
    const first = this.handle.send(messages, 0)
    for (let sent = first; sent < messages.length; sent += this.handle.send(messages, sent)) {
      await new Promise<void>((resolve) => (this.#onWritable = resolve))
    }
    return first
  }

  async message(text: string | Uint8Array, to?: Address): Promise<Outgoing> {
    return { data: Buffer.from(text), target: to && (await this.handle.target(to as InetAddress)) }
  }

  [Symbol.dispose](): void {
    this.handle.close()
  }
}

export async function bindDatagram(
  host = '127.0.0.1',
  port = 0,
  part: Partial<OpenRequest<InetAddress>> = {},
): Promise<Receiver> {
  return new Receiver(await inetOpener.bind(udp(port, host), request(part)))
}

export async function connectDatagram(port: number, part: Partial<OpenRequest<InetAddress>> = {}): Promise<Receiver> {
  const handle = await inetOpener.connect(udp(port), request(part))
  if (handle.type !== 'datagram') throw new Error('it is no datagram handle')
  return new Receiver(handle)
}

/** A peer of a few lines. `report(**values)` prints a line of JSON, `wait()` reads one line of our `tell`. */
export function python(script: string, ...args: (string | number)[]): Child {
  const prelude = [
    'import json, socket, struct, sys, time',
    'argv = sys.argv[1:]',
    'def report(**values): print(json.dumps(values), flush=True)',
    'def wait(): return sys.stdin.readline().strip()',
  ]
  return new Child('python3', ['-c', [...prelude, script].join('\n'), ...args.map(String)])
}
