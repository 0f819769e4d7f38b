import type { ManagedObjects, Message, MessageBus } from 'dbus-native'
import type { SocketError } from '../../../core/errors.ts'
import type { StreamEndpoint } from '../../../core/stream.ts'
import { connectSystemBus } from './connection.ts'
import { bluetoothdGone, fromBusError } from './errors.ts'

export const BLUEZ = 'org.bluez'
/** The object that has the managers; doc/profile-api.txt and doc/agent-api.txt of BlueZ. */
export const BLUEZ_PATH = '/org/bluez'

export type Properties = Readonly<Record<string, unknown>>

export interface CallOptions {
  /** Rejects with the signal's reason; bluetoothd goes on with what it was asked for. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; 0 for as long as it takes. Default: 25 s, as everywhere on D-Bus. */
  readonly timeout?: number
  /** What the call is about, for its error. */
  readonly address?: string | undefined
}

/** Methods of an object of ours: the signature of what they take and of what they give, which is one value or nothing. */
export interface ExportedMethod {
  readonly takes: string
  readonly gives: string
  run(args: readonly unknown[], message: Message): unknown
}

/** An error reply: `name` is the error's name on the bus. */
export class Refusal extends Error {
  readonly dbusName: string

  constructor(name: string, text: string) {
    super(text)
    this.dbusName = name
  }
}

/**
 * A connection to bluetoothd, and a live view of its objects. What is set up over it (searches, agents, profiles) ends with
 * it: bluetoothd forgets a client that leaves the bus.
 */
export class BluezBus implements AsyncDisposable {
  /** bluetoothd's objects by path, with their properties as they are now. */
  readonly objects: ManagedObjects
  readonly #bus: MessageBus
  readonly #stream: StreamEndpoint
  readonly #closed: Promise<void>
  readonly #lossListeners = new Set<(error: SocketError) => void>()
  #lost: SocketError | undefined
  #closing = false

  private constructor(bus: MessageBus, objects: ManagedObjects) {
    this.#bus = bus
    this.objects = objects
    this.#stream = bus.connection.stream as StreamEndpoint
    this.#closed = new Promise((resolve) => {
      bus.connection.on('close', () => {
        this.#lose(bluetoothdGone('the bus closed the connection'))
        resolve()
      })
    })
    objects.on('stale', () => this.#lose(bluetoothdGone('it left the bus')))
  }

  /**
   * Rejects with `ERR_FAMILY_UNAVAILABLE` where there is no bus, or no bluetoothd on it that could be started, and with
   * the signal's reason.
   */
  static async open(signal?: AbortSignal): Promise<BluezBus> {
    const bus = await connectSystemBus(signal)
    const giveUp = (): void => void bus.connection.stream.destroy()
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      await ensureStarted(bus)
      return new BluezBus(bus, await bus.objects(BLUEZ, '/'))
    } catch (error) {
      giveUp()
      throw signal?.aborted ? signal.reason : fromBusError(error, 'connect')
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /** Calls a method of bluetoothd; `signature` is that of `body`. Rejects with the system code for what went wrong. */
  async call<T = void>(
    path: string,
    name: string,
    member: string,
    signature = '',
    body: unknown[] = [],
    { signal, timeout, address }: CallOptions = {},
  ): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost
    const message: Message = { destination: BLUEZ, path, interface: name, member }
    if (signature !== '') Object.assign(message, { signature, body })
    const options = { ...(signal !== undefined && { signal }), ...(timeout !== undefined && { timeout }) }
    try {
      return await this.#bus.invoke<T>(message, options)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw this.#lost ?? fromBusError(error, member, address)
    }
  }

  /** Sets a property, given as its signature and value. */
  set(
    path: string,
    name: string,
    property: string,
    value: readonly [string, unknown],
    options?: CallOptions,
  ): Promise<void> {
    const properties = 'org.freedesktop.DBus.Properties'
    return this.call(path, properties, 'Set', 'ssv', [name, property, value], options)
  }

  /** Offers an object to bluetoothd, and to nobody else. */
  offer(path: string, name: string, methods: Readonly<Record<string, ExportedMethod>>): void {
    const descriptions = Object.create(null) as Record<string, [string, string, string[], string[]]>
    const handlers = Object.create(null) as Record<string, (...args: unknown[]) => unknown>
    for (const [member, method] of Object.entries(methods)) {
      descriptions[member] = [method.takes, method.gives, [], []]
      handlers[member] = (...args) => this.#serve(method, args.slice(0, -1), args.at(-1) as Message)
    }
    this.#bus.exportInterface(handlers, path, { name, methods: descriptions })
  }

  async #serve(method: ExportedMethod, args: readonly unknown[], message: Message): Promise<unknown> {
    if (message.sender !== this.objects.owner) {
      throw new Refusal('org.freedesktop.DBus.Error.AccessDenied', 'this object is for bluetoothd')
    }
    if ((message.signature ?? '') !== method.takes) {
      throw new Refusal('org.freedesktop.DBus.Error.InvalidArgs', `the arguments must be ${method.takes}`)
    }
    try {
      const result = await method.run(args, message)
      return method.gives === '' ? null : result
    } finally {
      // There is nobody left to reply to, and dbus-native would complain on stderr.
      if (this.#closing || this.#lost !== undefined) await new Promise(() => {})
    }
  }

  /** Called once with `ERR_FAMILY_UNAVAILABLE` when bluetoothd or the bus goes away by itself. Returns how to stop it. */
  onLost(listener: (error: SocketError) => void): () => void {
    if (this.#lost === undefined) this.#lossListeners.add(listener)
    else listener(this.#lost)
    return () => this.#lossListeners.delete(listener)
  }

  #lose(error: SocketError): void {
    if (this.#closing || this.#lost !== undefined) return
    this.#lost = error
    for (const listener of this.#lossListeners) listener(error)
    this.#stream.destroy()
  }

  ref(): void {
    this.#stream.ref()
  }

  unref(): void {
    this.#stream.unref()
  }

  /** Leaves the bus once what was written is sent. */
  async close(): Promise<void> {
    this.#closing = true
    this.#stream.destroySoon()
    await this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Where bluetoothd is not running, the bus may know how to start it. */
async function ensureStarted(bus: MessageBus): Promise<void> {
  try {
    await bus.invokeDbus({ member: 'GetNameOwner', signature: 's', body: [BLUEZ] })
  } catch {
    await bus.startServiceByName(BLUEZ, 0)
  }
}

/** Runs `work` over a connection of its own. */
export async function withBluez<T>(signal: AbortSignal | undefined, work: (bus: BluezBus) => Promise<T>): Promise<T> {
  const bus = await BluezBus.open(signal)
  try {
    return await work(bus)
  } finally {
    await bus.close()
  }
}
