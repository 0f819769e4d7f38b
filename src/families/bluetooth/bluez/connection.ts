import type { MessageBus } from 'dbus-native'
import { createSockets } from '../../../core/sockets.ts'
import type { StreamEndpoint } from '../../../core/stream.ts'
import { clearTimeout, setImmediate, setTimeout } from '../../../core/timers.ts'
import { unix } from '../../unix.ts'
import { systemBusAddresses } from './bus-address.ts'
import { closeUnclaimed, ownArrived } from './claim.ts'
import { fromBusError, unavailableBus } from './errors.ts'

const REMEDY = 'start D-Bus, on most systems by: systemctl start dbus, or say where it is in DBUS_SYSTEM_BUS_ADDRESS'

const { connect, formatAddress } = createSockets([unix])

/**
 * A connection to the system bus, over a Unix stream of our own, which carries descriptors. Rejects with
 * `ERR_FAMILY_UNAVAILABLE` where there is no bus or it refuses us, or with the signal's reason.
 */
export async function connectSystemBus(signal: AbortSignal | undefined): Promise<MessageBus> {
  // Loaded with the first use: most programs never talk to the bus.
  const { createClient } = await import('dbus-native')
  const stream = await connectFirst(signal)
  // Descriptors whose message is not complete yet. Those that no message has claimed are closed with the connection.
  const unclaimed = new Set<number>()
  stream.on('fds', (fds) => {
    ownArrived(fds)
    for (const fd of fds) unclaimed.add(fd)
  })
  stream.once('close', () => closeUnclaimed([...unclaimed]))
  // `direct`: it would say Hello by itself, and throw from nowhere when that fails.
  const bus = createClient({ stream, direct: true })
  bus.connection.prependListener('message', ({ fds = [] }) => {
    if (fds.length === 0) return
    for (const fd of fds) unclaimed.delete(fd)
    // Whoever the message is for takes its descriptors before the event loop turns.
    setImmediate(closeUnclaimed, fds)
  })
  // A listener of ours threw: what it did not do leaves this connection in an unknown state.
  bus.connection.on('handlerError', (error) => stream.destroy(error))
  bus.connection.on('error', () => stream.destroy())
  try {
    await authenticated(bus, signal)
    bus.name = await bus.invokeDbus<string>({ member: 'Hello' }, signal === undefined ? {} : { signal })
    return bus
  } catch (error) {
    stream.destroy()
    if (signal?.aborted) throw signal.reason
    throw fromBusError(error, 'connect')
  }
}

async function connectFirst(signal: AbortSignal | undefined): Promise<StreamEndpoint> {
  const addresses = systemBusAddresses()
  let last: unknown
  for (const address of addresses) {
    try {
      return (await connect(address, signal === undefined ? {} : { signal })) as StreamEndpoint
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      last = error
    }
  }
  const tried = addresses.map((address) => formatAddress(address)).join(', ')
  const reason =
    last === undefined ? 'DBUS_SYSTEM_BUS_ADDRESS names no Unix socket' : `${(last as Error).message} (tried ${tried})`
  throw unavailableBus(reason, REMEDY, last)
}

/** As long as D-Bus gives a call. */
const HANDSHAKE_LIMIT = 25_000

/** Until both sides have agreed on who we are, and on descriptors. */
function authenticated({ connection }: MessageBus, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      connection.removeListener('connect', settle)
      connection.removeListener('error', onRefusal)
      connection.removeListener('close', onClose)
      if (error === undefined) resolve()
      else reject(error)
    }
    const refuse = (why: string, cause?: unknown): void => settle(unavailableBus(`the bus ${why}`, REMEDY, cause))
    const onAbort = (): void => settle(signal?.reason)
    const onRefusal = (error: Error): void => refuse(`refused us (${error.message})`, error)
    const onClose = (): void => refuse('closed the connection')
    const timer = setTimeout(() => refuse('did not answer'), HANDSHAKE_LIMIT)
    signal?.addEventListener('abort', onAbort, { once: true })
    connection.on('connect', settle)
    connection.on('error', onRefusal)
    connection.on('close', onClose)
  })
}
