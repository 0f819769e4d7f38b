import type { Address, AddressBase } from './address.ts'
import type { ReceivedAncillary, SentAncillary } from './ancillary.ts'
import type { PeerCredentials, PeerCredentialsOptions } from './credentials.ts'
import type { SchemeFacts } from './facts.ts'
import type { DiscoverOptions, ListenRequest, OpenRequest, RawOption } from './options.ts'

/** Whether a scheme works on this machine, and if not, why and what to do about it. */
export type Availability =
  | { readonly available: true; readonly engine: string }
  | { readonly available: false; readonly reason: string; readonly remedy: string }

/**
 * An address family: how its addresses are read and written, what its schemes promise, and how its sockets are opened.
 * A family whose sockets are the kernel's is made by `kernelFamily`, which supplies everything from `probe` down.
 *
 * A family reports failure by throwing or rejecting with a `SocketError`. It need not check arguments: core has.
 */
export interface AddressFamily<A extends AddressBase = Address> {
  /** `'unix'` */
  readonly name: string
  /** The schemes that begin its addresses, each with its facts. */
  readonly schemes: Readonly<Record<string, SchemeFacts>>
  /** Facts of one address, where its scheme alone does not tell them. */
  facts?(address: A): SchemeFacts
  /** Says whether the scheme works here. Cheap, and never throws. */
  probe(scheme: string): Availability
  /** Reads what follows the scheme and its colon. Throws `ERR_ADDRESS_INVALID` naming the part that is wrong. */
  parse(scheme: string, rest: string): A
  /** The canonical text, scheme included; `parse` of it gives an equal address. Throws as `parse` does. */
  format(address: A): string
  /** The address as socat takes it, ready to paste into a shell. */
  toSocat?(address: A): string
  /** The address in the words of `node:net`, for `endpoint.address()` and `remoteAddress`. */
  toNode?(address: A): NodeAddress
  /** An address that is free on this machine, for tests; `undefined` where there is none to be had. */
  ephemeral(scheme: string): A | undefined
  connect?(address: A, request: OpenRequest<A>): Promise<StreamHandle<A> | DatagramHandle<A>>
  listen?(address: A, request: ListenRequest<A>): Promise<ListenerHandle<A>>
  /**
   * As `listen`, but it listens when this returns. Takes an address that needs no looking up. `undefined` where it cannot be
   * done at once: an engine that takes its time, an option that does.
   */
  listenSync?(address: A, request: ListenRequest<A>): ListenerHandle<A> | undefined
  bind?(address: A, request: OpenRequest<A>): Promise<DatagramHandle<A>>
  /**
   * A socket of messages for this (numeric) address, with its options set and not bound yet, at once: for those whose own
   * API has each step of opening be a call that returns when it is done.
   */
  openDatagram?(address: A, options: Readonly<Record<string, unknown>>): UnboundDatagramHandle<A>
  /** Two connected ends, each with these socket options; socketpair(2). */
  socketpair?(scheme: string, options?: Readonly<Record<string, unknown>>): [AnyHandle<A>, AnyHandle<A>]
  /**
   * What there is to connect to nearby, as it is found. Returning from the iteration stops the search; so does the signal,
   * with its reason as the error.
   */
  discover?(options: DiscoverOptions): AsyncIterable<unknown>
  /**
   * Takes ownership of a socket that is open already; `undefined` when it is not of this family. What throws leaves the
   * descriptor to its owner.
   */
  adopt?(fd: number, request?: AdoptRequest): AnyHandle<A> | ListenerHandle<A> | undefined
}

export interface AdoptRequest {
  /** Default `'itself'`; `'duplicate'` where somebody else keeps the descriptor. */
  readonly what?: 'itself' | 'duplicate'
  /** Socket options to set; those of a listener are for what it accepts, too. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface NodeAddress {
  readonly address: string
  readonly port: number
  readonly family: 'IPv4' | 'IPv6'
}

/**
 * What a family opens, below the endpoint: it moves bytes and knows nothing of queues, events or promises.
 * No callback is called before `start` has returned, none after `close`.
 */
export interface Handle<A extends AddressBase = Address> {
  readonly facts: SchemeFacts
  /** The name of what moves the bytes: `'kernel'`, `'node'`, `'memory'`, or a driver's. */
  readonly engine: string
  /** The file descriptor, where there is one and it is open. */
  readonly fd: number | undefined
  /** Our own address as the system reports it; `undefined` where it has none. */
  readonly local: A | undefined
  /** The peer's address; `undefined` where there is no peer or it is unnamed. */
  readonly remote: A | undefined
  /** Throws `ERR_OPTION_UNKNOWN` for a name that the scheme does not have, else the system's error. */
  getOption(option: string | RawOption): unknown
  setOption(option: string | RawOption, value: unknown): void
  /** Which process is at the other end. Throws `ERR_UNSUPPORTED` where that is not known, else the system's error. */
  peerCredentials?(options: PeerCredentialsOptions): PeerCredentials
  /** Whether an open handle keeps the process alive; it does until `unref`. */
  ref(): void
  unref(): void
  /**
   * Frees everything at once; a second call does nothing. What the system accepted is still delivered; what waits in the
   * handle is dropped, each pending `done` being called with `ERR_SOCKET_CLOSED`.
   */
  close(): void
}

/** Told apart by `facts.kind`. */
export type AnyHandle<A extends AddressBase = Address> = StreamHandle<A> | DatagramHandle<A>

/** `null` when it succeeded. */
export type Done = (error: Error | null) => void

export interface StreamHandle<A extends AddressBase = Address> extends Handle<A> {
  readonly type: 'stream'
  /** Called once, before anything else. Reading begins with the first `resume`. */
  start(events: StreamEvents): void
  /** connect(2) of a socket that was adopted unconnected, and is paused. Closes nothing when it fails. */
  connect?(address: A, signal: AbortSignal | undefined): Promise<void>
  resume(): void
  /** No `onData` after it, until `resume`. */
  pause(): void
  /** Writes the chunks in order. One write is in flight at a time; `done` may be called before this returns. */
  write(chunks: readonly Uint8Array[], done: Done): void
  /** Bytes of the write in flight that the system has not taken, where the handle knows. */
  readonly unsent?: number | undefined
  /** Ends our direction: shutdown(2) with SHUT_WR. Called after the last write is done. */
  end(done: Done): void
  /** Closes with a reset where the family knows one (TCP's RST), else as `close`. */
  reset(): void
  /** Writes that carry descriptors; `undefined` where the family knows none. */
  readonly passing?: DescriptorPassing | undefined
}

/** Descriptors that ride with the bytes of a stream: SCM_RIGHTS of unix(7). */
export interface DescriptorPassing {
  /**
   * Duplicates these descriptors, so that the caller may close its own at once. `write` closes the duplicates, or the caller
   * does. Throws the system's error, and holds none then: EBADF, EMFILE, EINVAL for more than one message carries.
   */
  hold(fds: readonly number[]): HeldDescriptors
  /** Like `StreamHandle.write`, of one chunk of at least one byte; the descriptors go with its first. Closes `held`. */
  write(chunk: Uint8Array, held: HeldDescriptors, done: Done): void
}

/**
 * Descriptors that wait to be sent, or that came and wait for their receiver. The first call of a method decides what becomes
 * of them; later calls do nothing. They are closed when the object is collected.
 */
export interface HeldDescriptors {
  readonly fds: readonly number[]
  /** Returns them; from then on the caller closes them. */
  take(): number[]
  /** Returns one holder for each descriptor. */
  split(): HeldDescriptors[]
  /** Calls `use` with the first, which owns it once it has returned; closes it where `use` throws, and closes the others. */
  give<T>(use: (fd: number) => T): T
  /** Closes them. Never throws, whatever close(2) returns. */
  close(): void
}

/** An object whose methods are called on it: not to be taken apart. */
export interface StreamEvents {
  /**
   * Whether somebody would take descriptors. A handle to which they may come asks before each read, since whoever reads
   * without a place for them has the system close them.
   */
  wantsFds?(): boolean
  /** The receiver takes or closes them. The bytes that they came with follow, perhaps after earlier ones. */
  onFds?(held: HeldDescriptors): void
  /** The chunk is the receiver's to keep. */
  onData(chunk: Buffer): void
  /** The peer ended its direction. At most once; no `onData` after it. */
  onEnd(): void
  /** The connection is lost. At most once, and nothing after it; the handle is then still to be closed. */
  onError(error: Error): void
}

export interface Message<A extends AddressBase = Address> extends ReceivedAncillary {
  readonly data: Buffer
  /** Who sent it; `undefined` when the sender is unnamed or the socket is connected and the system does not say. */
  readonly from: A | undefined
  /** The message was longer than what the endpoint could take, and its end is lost (MSG_TRUNC). */
  readonly truncated: boolean
}

/** A message on its way to whoever receives it. */
export interface ArrivedMessage<A extends AddressBase = Address> extends Message<A> {
  /** Holds its `fds` until the receiver gets the message. */
  readonly held?: HeldDescriptors
}

export interface Outgoing {
  readonly data: Uint8Array
  /** From `target`; `undefined` sends to the connected peer. */
  readonly target: unknown
  /** From `attach`. */
  readonly attachment?: unknown
}

export interface DatagramHandle<A extends AddressBase = Address> extends Handle<A> {
  readonly type: 'datagram'
  start(events: DatagramEvents<A>): void
  /** Begins to receive; nothing is taken from the system before the first call. */
  resume(): void
  pause(): void
  /** Turns an address into what `send` takes. A promise where a name has to be resolved first. */
  target(address: A): unknown
  /**
   * Makes ready what is to go with a message to `target`. Descriptors are duplicated, and closed by `send` once it has sent
   * or refused the message, or by `detach`. Throws, with nothing held: `ERR_UNSUPPORTED` for what this socket cannot send,
   * a `TypeError`, a `RangeError`, or the system's error (EBADF, EMFILE; EINVAL for more than one message carries). Absent
   * where nothing can go with a message.
   */
  attach?(ancillary: SentAncillary, target: unknown): unknown
  /** Lets go of what was made ready for a message that will not be sent. */
  detach?(attachment: unknown): void
  /** Whether descriptors may come with messages. Default false. */
  readonly carriesFds?: boolean
  /**
   * Offers `messages[from]` and those after it to the system, in order, of which there is at least one. Returns how many
   * it took, which may be fewer than it had room for; 0 when it has no room, and `onWritable` is then called once there
   * may be some. Throws when the system refuses `messages[from]` itself (EMSGSIZE, ECONNREFUSED); the socket is then as
   * good as before.
   */
  send(messages: readonly Outgoing[], from: number): number
  /** Ends our direction where the facts say `halfClose`, called once everything was sent. */
  end(done: Done): void
  /**
   * Changes the peer of a socket whose facts are not connected: messages go to it and come from it alone; `undefined`: from
   * now on they go to and come from anywhere. Throws the system's error. Absent where the handle has no way to.
   */
  setPeer?(address: A | undefined): void
}

export interface UnboundDatagramHandle<A extends AddressBase = Address> extends DatagramHandle<A> {
  /** bind(2), of a numeric address. Throws the system's error, and may be called again then. */
  bind(address: A): void
}

export interface DatagramEvents<A extends AddressBase = Address> {
  /** Whether descriptors are wanted with messages; where they are not, the system closes those that come. */
  wantsFds?(): boolean
  /** One or more messages, in the order of arrival. They are the receiver's to keep, the array as well. */
  onMessages(batch: ArrivedMessage<A>[]): void
  onWritable(): void
  /** The peer of a connected socket ended its direction. */
  onEnd(): void
  /** `fatal`: the socket is of no use any more. Otherwise it goes on (ECONNREFUSED of an earlier datagram). */
  onError(error: Error, fatal: boolean): void
}

export interface ListenerHandle<A extends AddressBase = Address> extends Handle<A> {
  readonly type: 'listener'
  start(events: ListenerEvents<A>): void
  /** Whether the connections that it accepts have `peerCredentials`. Default false. */
  readonly knowsPeers?: boolean
  /** Begins to accept; no connection is taken from the system before the first call. */
  resume(): void
  /** May be called from within `onAccept`: no further one follows. */
  pause(): void
  /**
   * What a process that gets this socket has to know to do at its close what ours would, such as to remove a file: text
   * for its `inherit`, of at most 8,192 bytes. `undefined` where there is nothing to do.
   */
  readonly inheritance?: string | undefined
  /** Makes `close` do what the text says. Throws EPROTO for a text that no listener of this name gives. */
  inherit?(inheritance: string): void
  /** Closes our descriptor alone, as the socket lives on in another process. Absent where it cannot be handed over. */
  abandon?(): void
  /**
   * The token that decides which of two processes has the socket: a new one, or the one that the other process sent as `fd`.
   * Where this throws, `fd` stays the caller's. Absent where the listener cannot be handed over.
   */
  token?(fd?: number): Token
}

/** Two processes share one token. The first that takes it has it, and keeps it also when it dies. */
export interface Token {
  readonly fd: number
  /** Takes the token, without waiting. True where we have it now; false where the other process took it first. */
  take(): boolean
  close(): void
}

export interface ListenerEvents<A extends AddressBase = Address> {
  onAccept(handle: AnyHandle<A>): void
  /** A connection was lost before it was accepted, or could not be set up, and is closed. The listener goes on. */
  onDrop?(error: Error, remote: A | undefined): void
  /** `fatal`: no connection will come any more. Otherwise it goes on by itself (EMFILE: it waits and tries again). */
  onError(error: Error, fatal: boolean): void
}
