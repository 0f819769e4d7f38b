import { closeSync } from 'node:fs'
import type { AddressBase } from './address.ts'
import { type DeadlineOptions, withDeadline } from './deadline.ts'
import { socketClosed } from './errors.ts'
import type { ListenerHandle } from './family.ts'
import { ASK, HandOverChannel, OFFER, TAKEN } from './hand-over-channel.ts'
import type { StreamEndpoint } from './stream.ts'
import { nextTurn } from './timers.ts'

/**
 * Gives the other process the socket of a listener. That process has it, and owns what its name left behind, once this
 * resolves; ours is then to be abandoned. When it rejects, ours is as it was, and the stream is destroyed.
 */
export function giveListener(
  endpoint: StreamEndpoint,
  handle: ListenerHandle<AddressBase>,
  options: DeadlineOptions,
): Promise<void> {
  const channel = new HandOverChannel(endpoint, 'handOver')
  return exchange(channel, options, async () => {
    // Descriptors that come before somebody wants them are closed by the system: the taker says when it does.
    await channel.read(ASK)
    if (handle.fd === undefined) throw socketClosed('handOver')
    await channel.write(OFFER, handle.inheritance, [handle.fd])
    await channel.read(TAKEN)
  })
}

/** A listener that is ours as soon as the other process has been told. */
export interface Taking<T> {
  readonly listener: T
  readonly handle: ListenerHandle<AddressBase>
}

/**
 * Takes the socket that the other process gives. `adopt` owns the descriptor from then on, also when it throws. When
 * this rejects, the socket is still the other's, ours is closed, and the stream is destroyed.
 */
export function receiveListener<T>(
  endpoint: StreamEndpoint,
  options: DeadlineOptions,
  adopt: (fd: number) => Taking<T>,
): Promise<T> {
  const channel = new HandOverChannel(endpoint, 'takeOver')
  channel.wantFds()
  return exchange(channel, options, async () => {
    await channel.write(ASK)
    const inheritance = await channel.read(OFFER)
    const { listener, handle } = adopt(onlyFd(channel))
    try {
      if (inheritance !== '') handle.inherit?.(inheritance)
      // The point of no return: from here on the other process stops.
      await channel.write(TAKEN)
      return listener
    } catch (error) {
      handle.abandon?.()
      throw error
    }
  })
}

function onlyFd(channel: HandOverChannel): number {
  const [fd, ...more] = channel.takeFds()
  if (fd !== undefined && more.length === 0) return fd
  const came = fd === undefined ? [] : [fd, ...more]
  for (const each of came) closeSync(each)
  throw channel.violation(`${came.length} descriptors came, and not one`)
}

/**
 * Runs the steps under the deadline. What they have decided by then stands: a loop that was busy has one turn to read
 * an answer that is there already, so that not one process thinks that it has the socket and the other that it kept it.
 */
async function exchange<T>(channel: HandOverChannel, options: DeadlineOptions, run: () => Promise<T>): Promise<T> {
  let isDecided = false
  let steps: Promise<T> | undefined
  const start = (): Promise<T> => {
    steps = run().then((result) => {
      isDecided = true
      return result
    })
    return steps
  }
  try {
    return await withDeadline(options, channel.syscall, undefined, start, () => undefined)
  } catch (error) {
    await nextTurn()
    if (steps !== undefined && isDecided) return steps
    channel.destroy()
    await steps?.catch(() => undefined)
    for (const fd of channel.takeFds()) closeSync(fd)
    throw error
  } finally {
    if (isDecided) channel.release()
  }
}
