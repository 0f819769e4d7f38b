import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Availability } from '../core/family.ts'
import { runtimeWithoutLibuv } from './runtime.ts'

/**
 * The native side: one function a system call, its result or `-errno`. It knows no family and holds no policy.
 * Every descriptor that it opens is close-on-exec and non-blocking, belongs to the thread that opened it, and is closed
 * with that thread's environment if nothing closed it before.
 * An argument that is missing, of another type or outside of its array gives `-EINVAL`; nothing is read or written then.
 */
export interface Addon {
  /** socket(2): the descriptor. */
  socket(domain: number, type: number, protocol: number): number
  /** socketpair(2): both descriptors into `fds`. */
  socketpair(domain: number, type: number, protocol: number, fds: Int32Array): number
  /** bind(2), with the sockaddr's exact bytes as its length. */
  bind(fd: number, name: Uint8Array): number
  /** connect(2): 0, or `-EINPROGRESS` while it is under way. */
  connect(fd: number, name: Uint8Array): number
  listen(fd: number, backlog: number): number
  /** accept4(2): the descriptor; the peer's sockaddr into `name`, its length into `nameLength[0]`. */
  accept(fd: number, name: Uint8Array, nameLength: Int32Array): number
  /** getsockname(2): the length; more than `name.length` when it did not fit. */
  getsockname(fd: number, name: Uint8Array): number
  getpeername(fd: number, name: Uint8Array): number
  /** getsockopt(2): the length that the kernel wrote into `value`. */
  getsockopt(fd: number, level: number, option: number, value: Uint8Array): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): number
  shutdown(fd: number, how: number): number
  /**
   * Takes ownership of a descriptor that somebody else opened, as it is, so that `close` closes it. `-EEXIST` for one that
   * this environment owns already, `-EBADF` for one that is not open.
   */
  own(fd: number): number
  /**
   * Takes ownership of a descriptor that somebody else opened, and makes it non-blocking and close-on-exec. `-EEXIST` for
   * one that this environment owns already.
   */
  adopt(fd: number): number
  /** Gives up a descriptor that this environment owns and does not watch, and leaves it open. `-EBADF` for any other. */
  release(fd: number): number
  /**
   * Closes a descriptor that this environment owns: one that is watched with its target as `owner`, any other with no
   * `owner`; else `-EBADF`. What close(2) says is returned, and the number is free all the same.
   */
  close(fd: number, owner?: object): number
  /** A duplicate of a descriptor, whoever's it is: fcntl(2) with F_DUPFD_CLOEXEC. It shares its flags with the original. */
  duplicate(fd: number): number
  /** recv(2) into `buffer[offset, offset + length)`: the number of bytes, 0 at the end. */
  recv(fd: number, buffer: Uint8Array, offset: number, length: number): number
  /** send(2) of `buffer[offset, offset + length)`: the number of bytes taken. */
  send(fd: number, buffer: Uint8Array, offset: number, length: number): number
  /**
   * sendmsg(2) of `chunks[first]` from `offset` and of the chunks after it: the number of bytes taken. One call looks at no
   * more than IOV_MAX (1024) chunks, nor at further ones once it has 4 MiB, so it may take less than the socket would.
   */
  sendv(fd: number, chunks: readonly Uint8Array[], first: number, offset: number): number
  /**
   * sendmsg(2) of one message, or of the next bytes of a stream: the number of bytes taken. An empty `name` sends to the
   * connected peer. `control` is its ancillary data as cmsg(3) lays it out, or empty; what is wrong in it is the kernel's
   * to say (EINVAL, EBADF, EPERM). On a stream it goes with the first byte, hence with none where there is no byte.
   */
  sendmsg(fd: number, data: Uint8Array, name: Uint8Array, control: Uint8Array): number
  /**
   * sendmmsg(2) of `count` messages whose bytes lie one after the other at the start of `slab`. For message `i`, `meta` has
   * its length, the length of the sockaddr it goes to, which stands at `names[i * NAME_SIZE]` (0: to the connected peer),
   * and the size of its segments: the kernel sends it as so many datagrams (UDP_SEGMENT of udp(7)); 0 for a single one.
   * Returns how many were sent, at most 1024; the error that stopped it is what the next call returns.
   */
  sendmmsg(fd: number, slab: Uint8Array, meta: Int32Array, names: Uint8Array, count: number): number
  /**
   * recvmmsg(2) of at most `count` messages, and at most 1024, of at most `slot` bytes each, into `slab` from `offset` on,
   * where there must be room for `count * slot` bytes, each in a slot of its own. Where they fill less than half of
   * their slots, they come back packed: one right after the other. `meta` gets, for each, its length, its flags
   * (MSG_TRUNC), the length of its sender's sockaddr, which stands at `names[i * NAME_SIZE]`, the length of its ancillary
   * data (cmsg(3)), which stands at `controls[i * controlSize]`, and the size of the datagrams that it is made of (UDP_GRO
   * of udp(7)), where there are several; else 0. `controlSize` is a multiple of 8. With a `controlSize` of 0 there is no
   * ancillary data, and the kernel closes descriptors that came with a message; those that it hands over are this
   * environment's. `flags` go to the kernel, with MSG_DONTWAIT: MSG_CMSG_CLOEXEC where descriptors may come, which AF_PACKET
   * refuses.
   */
  recvmmsg(
    fd: number,
    slab: Uint8Array,
    offset: number,
    slot: number,
    count: number,
    meta: Int32Array,
    names: Uint8Array,
    controls: Uint8Array,
    controlSize: number,
    flags: number,
  ): number
  /**
   * recv(2) that also takes the descriptors which came with the bytes (SCM_RIGHTS): them into `fds`, which must have room
   * for `MAX_FDS`, how many into `meta[0]`, and the flags into `meta[1]`. They are close-on-exec and this
   * environment's. With MSG_CTRUNC, which says that some were lost, the others are closed and `meta[0]` is 0.
   */
  recvfds(fd: number, buffer: Uint8Array, offset: number, length: number, fds: Int32Array, meta: Int32Array): number
  /**
   * A buffer of `size` bytes to receive into, not cleared: a multiple of 64, and 32 MiB at most. Its memory is used again
   * once nothing refers to it any more. Throws where there is no memory.
   */
  slab(size: number): Buffer
  /**
   * Makes `fd` known to the event loop; it waits for nothing yet. When something is ready that `wait` asked for, `onReady`
   * is called on `target` with the bits below, in the async context of this call; what it throws is an uncaught exception.
   * `resource` is the context's async resource, for `target` to hold: an object that does not lead back to it.
   * `target` is kept alive while something is waited for. When nothing is, and nobody else holds it, it is collected and
   * the descriptor closed. One reference to `onReady` serves all who are watched with it: a method, which must not lead to
   * a target itself.
   * `-errno` when the descriptor cannot be watched: `-EBADF` if it is not ours to begin with, `-EEXIST` if it is watched
   * already, by us or by Node, `-EPERM` for a file.
   */
  watch<T extends object>(fd: number, target: T, resource: object, onReady: (this: T, events: number) => void): number
  /**
   * Waits for these events from now on, as long as they are so (level-triggered); 0 waits for nothing. Free when nothing
   * changes. `owner` is the target. `-EBADF` for one that is not watched with it, here and below: whoever keeps the number has
   * to keep the target, and as long as it lives the number is nobody else's.
   */
  wait(fd: number, events: number, owner: object): number
  /**
   * A descriptor that waits for something keeps the process alive unless `unref` was called. One that waits for nothing
   * does not, `ref` or not.
   */
  ref(fd: number, owner: object): number
  unref(fd: number, owner: object): number
  /**
   * Makes `error` an uncaught exception at once, in the async context that is current, as if a callback of Node's own had
   * thrown it. What `onReady` throws is reported only after its context was left.
   */
  report(error: unknown): void
  /**
   * Calls `run` in no async context, and so with no AsyncLocalStorage's store, as the event loop would: its result. Only
   * within an `onReady`.
   */
  outside<T>(run: () => T): T
  /**
   * Calls `callback` once, in the event loop's closing phase of this turn, after what `setImmediate` was asked for until
   * then; in the async context of this call. Keeps the process alive until then.
   */
  tellClosed(callback: () => void): number
}

/** What is waited for, as bits: `libuv`'s UV_READABLE and UV_WRITABLE. */
export const READABLE = 1
export const WRITABLE = 2
/** `libuv`'s UV_DISCONNECT: the peer has ended its direction, or the connection (POLLRDHUP). */
export const DISCONNECTED = 4
/** The kernel reported an error condition; nothing is waited for any more until `wait`. Comes with READABLE and WRITABLE. */
export const FAILED = 8

/** Words of `meta` for each message of `sendmmsg`, and of `recvmmsg`. */
export const SEND_META = 3
export const RECEIVE_META = 5

/** Room for any sockaddr: `sizeof(struct sockaddr_storage)`. */
export const NAME_SIZE = 128

/** Descriptors in one message at most: the kernel's SCM_MAX_FD. */
export const MAX_FDS = 253

export type LoadedAddon =
  | { readonly addon: Addon }
  | { readonly addon: undefined; readonly unavailable: Availability & { available: false } }

let loaded: LoadedAddon | undefined

/** Where `build/` and `prebuilds/` are, which are looked at in this order; `POLYSOCKET_PREBUILD` names another such directory. */
const NATIVE = process.env.POLYSOCKET_PREBUILD ?? fileURLToPath(new URL('../../native', import.meta.url))

/** Loads the addon on first use. */
export function loadAddon(): LoadedAddon {
  loaded ??= tryLoad()
  return loaded
}

const BUILD_REMEDY =
  'install a C++17 compiler, make and python3, then run: npm run build:native (from a program that depends on it: npm explore polysocket -- npm run build:native)'

function tryLoad(): LoadedAddon {
  const unavailable = (reason: string, remedy: string): LoadedAddon => ({
    addon: undefined,
    unavailable: { available: false, reason, remedy },
  })
  if (process.platform !== 'linux') {
    return unavailable(
      `the kernel engine is for Linux, and this is ${process.platform}`,
      'use tcp, udp, unix or memory here',
    )
  }
  const runtime = runtimeWithoutLibuv(process.versions)
  if (runtime !== undefined) {
    return unavailable(
      `the kernel engine needs libuv's uv_poll, which ${runtime} lacks`,
      'run it with Node.js, or use tcp, udp, unix or memory here',
    )
  }
  try {
    const require = createRequire(import.meta.url)
    const nodeGypBuild = require('node-gyp-build') as (directory: string) => unknown
    return { addon: nodeGypBuild(NATIVE) as Addon }
  } catch (error) {
    const reason = `the native addon is not there (${(error as Error).message.split('\n')[0]})`
    return unavailable(reason, BUILD_REMEDY)
  }
}
