import type {
  AddressFamily,
  AnyHandle,
  DatagramEvents,
  DatagramHandle,
  ListenerHandle,
  StreamEvents,
  StreamHandle,
} from '../../src/index.ts'

/** What is done to the handles of a family that keeps its promises. */
export interface Fault {
  readonly stream?: (handle: StreamHandle) => Partial<StreamHandle>
  readonly datagram?: (handle: DatagramHandle) => Partial<DatagramHandle>
  readonly listener?: (handle: ListenerHandle) => Partial<ListenerHandle>
  readonly family?: (family: AddressFamily) => Partial<AddressFamily>
}

/** `handle` with some members replaced. The others run on the handle itself, whose fields are private. */
function replaced<T extends object>(handle: T, members: Partial<T>): T {
  return new Proxy(handle, {
    get(target, key) {
      if (Object.hasOwn(members, key)) return members[key as keyof T]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** The family with a fault in it. */
export function broken(family: AddressFamily, fault: Fault): AddressFamily {
  const end = <H extends AnyHandle>(handle: H): H => {
    const members = handle.type === 'stream' ? fault.stream?.(handle) : fault.datagram?.(handle)
    return replaced(handle, (members ?? {}) as Partial<H>)
  }
  const listening = (handle: ListenerHandle): ListenerHandle => {
    const start: ListenerHandle['start'] = (events) =>
      handle.start({ ...events, onAccept: (accepted) => events.onAccept(end(accepted)) })
    return replaced(handle, { start, ...fault.listener?.(handle) })
  }
  const { connect, listen, bind } = family
  return {
    ...family,
    ...(connect && { connect: async (address, request) => end(await connect(address, request)) }),
    ...(listen && { listen: async (address, request) => listening(await listen(address, request)) }),
    ...(bind && { bind: async (address, request) => end(await bind(address, request)) }),
    ...fault.family?.(family),
  }
}

/** A fault in what a stream handle reports. */
export function streamFault(alter: (events: StreamEvents) => Partial<StreamEvents>): Fault {
  return {
    stream: (handle) => ({
      start(given) {
        // The endpoint's events are methods of one object, which go on working by themselves here.
        const events = replaced(given, {})
        handle.start(replaced(given, alter(events)))
      },
    }),
  }
}

/** A fault in what a datagram handle reports. */
export function datagramFault(alter: (events: DatagramEvents) => Partial<DatagramEvents>): Fault {
  return { datagram: (handle) => ({ start: (events) => handle.start({ ...events, ...alter(events) }) }) }
}
