import { fstatSync } from 'node:fs'
import { adopt, type DatagramEndpoint, Listener, type ListenOptions, SocketError, StreamEndpoint } from '../index.ts'
import { invalidVariable, isForUs, readCount } from './environment.ts'

/**
 * A descriptor that the service manager passed, by what it is: a listening socket (`ListenStream=`,
 * `ListenSequentialPacket=`), a connection (`Accept=yes`), a socket for messages (`ListenDatagram=`, `ListenNetlink=`),
 * or something else (`ListenFIFO=`, a file from the descriptor store), which stays the caller's to read and to close.
 */
export type ListenFd =
  | { readonly name: string; readonly kind: 'listener'; readonly socket: Listener<StreamEndpoint> }
  | { readonly name: string; readonly kind: 'packet-listener'; readonly socket: Listener<DatagramEndpoint> }
  | { readonly name: string; readonly kind: 'stream'; readonly socket: StreamEndpoint }
  | { readonly name: string; readonly kind: 'datagram'; readonly socket: DatagramEndpoint }
  | { readonly name: string; readonly kind: 'file'; readonly fd: number }

type EndpointOptions = Pick<
  ListenOptions,
  'allowHalfOpen' | 'highWaterMark' | 'receiveQueue' | 'sendQueue' | 'maxConnections'
>

/** The options of all endpoints among the descriptors, and of those that the listeners accept; see `ListenOptions`. */
export interface ListenFdsOptions extends EndpointOptions {
  /** Removes LISTEN_FDS and its like from the environment, so that no child takes them for its own. Default true. */
  unsetEnvironment?: boolean
}

/** SD_LISTEN_FDS_START: the descriptors are this one and those that follow it. */
const FIRST = 3
/** What sd_listen_fds_with_names(3) calls a descriptor where the service manager gives no names. */
const NAMELESS = 'unknown'
const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const

/** What the service manager passed, in its order. */
export class ListenFds implements Iterable<ListenFd> {
  readonly all: readonly ListenFd[]

  /** Made by `listenFds`. */
  constructor(all: readonly ListenFd[]) {
    this.all = all
  }

  [Symbol.iterator](): Iterator<ListenFd> {
    return this.all[Symbol.iterator]()
  }

  /** Those of one name, which is `FileDescriptorName=` of the socket unit, or the unit's own name. */
  byName(name: string): ListenFd[] {
    return this.all.filter((each) => each.name === name)
  }

  /** The sockets that accept streams, of one name or all. A unit with several `ListenStream=` gives them one name. */
  listeners(name?: string): Listener<StreamEndpoint>[] {
    const some = name === undefined ? this.all : this.byName(name)
    return some.flatMap((each) => (each.kind === 'listener' ? [each.socket] : []))
  }
}

let received: ListenFds | undefined

/**
 * The sockets that systemd opened for this process, adopted: socket activation, sd_listen_fds(3). There are none where
 * LISTEN_FDS is not set, or where LISTEN_PID names another process. They are taken once: later calls give the same
 * objects, with the options of the first. One thread calls it: another one would take them again. The sockets and their
 * files are systemd's: closing ours removes nothing.
 *
 * All or nothing. Throws EINVAL for variables that cannot be, EBADF for a descriptor that is not open, with nothing
 * touched; what `adopt` throws (EEXIST for a socket that was adopted before), with those closed that it had adopted by
 * then.
 */
export function listenFds({ unsetEnvironment = true, ...options }: ListenFdsOptions = {}): ListenFds {
  const found = received ?? new ListenFds(adoptAll(readFds(), options))
  if (found.all.length > 0) received = found
  if (unsetEnvironment) for (const name of VARIABLES) delete process.env[name]
  return found
}

interface Passed {
  readonly name: string
  readonly fd: number
  readonly isSocket: boolean
}

function readFds(): Passed[] {
  if (!isForUs('LISTEN_PID')) return []
  const count = readCount('LISTEN_FDS') ?? 0
  const passed: Omit<Passed, 'name'>[] = []
  // Not as many as were announced are looked at, but up to the first that is not there: the number may be anything.
  for (let fd = FIRST; fd < FIRST + count; fd++) passed.push({ fd, isSocket: isSocket(fd) })
  const names = readNames(count)
  return passed.map((each, index) => ({ ...each, name: names?.[index] ?? NAMELESS }))
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch (cause) {
    const message = `LISTEN_FDS is ${process.env.LISTEN_FDS}, but descriptor ${fd} is not open`
    throw new SocketError('EBADF', message, { syscall: 'fstat', cause })
  }
}

function readNames(count: number): string[] | undefined {
  const value = process.env.LISTEN_FDNAMES
  if (value === undefined) return undefined
  const names = value.split(':')
  if (names.length === count) return names
  throw invalidVariable('LISTEN_FDNAMES', value, `it has ${names.length} names for ${count} descriptors`)
}

function adoptAll(passed: readonly Passed[], options: EndpointOptions): ListenFd[] {
  const adopted: ListenFd[] = []
  try {
    for (const { name, fd, isSocket } of passed) {
      adopted.push(isSocket ? describe(name, adopt(fd, options)) : { name, kind: 'file', fd })
    }
    return adopted
  } catch (error) {
    for (const each of adopted) if (each.kind !== 'file') close(each.socket)
    throw error
  }
}

function describe(name: string, socket: ReturnType<typeof adopt>): ListenFd {
  if (socket instanceof StreamEndpoint) return { name, kind: 'stream', socket }
  if (!(socket instanceof Listener)) return { name, kind: 'datagram', socket }
  return socket.facts.kind === 'stream'
    ? { name, kind: 'listener', socket: socket as Listener<StreamEndpoint> }
    : { name, kind: 'packet-listener', socket: socket as Listener<DatagramEndpoint> }
}

function close(socket: ReturnType<typeof adopt>): void {
  if (socket instanceof StreamEndpoint) socket.destroy()
  else void socket.close()
}
