/**
 * One socket API for every address family: `connect`, `listen` and `bind` take an address; what comes back is a stream
 * endpoint or a datagram endpoint, the same two classes whatever carries the bytes.
 *
 * @module
 */
import { createSockets, type Sockets } from './core/sockets.ts'
import { builtinFamilies } from './families/index.ts'

export * from './core/address.ts'
export type { ReceivedAncillary, SentAncillary } from './core/ancillary.ts'
export type { Credentials, PeerCredentials, PeerCredentialsOptions } from './core/credentials.ts'
export { DatagramEndpoint, type DatagramEndpointOptions } from './core/datagram.ts'
export type { DeadlineOptions } from './core/deadline.ts'
export type {
  AcceptMessage,
  AnySocket,
  CloseMessage,
  DiagnosticsMessages,
  ErrorMessage,
  OpeningMessage,
} from './core/diagnostics.ts'
export { AbortError, SocketError, type SocketErrorCode, type SocketErrorDetail } from './core/errors.ts'
export type { EndpointKind, SchemeFacts } from './core/facts.ts'
export type * from './core/family.ts'
export { type Accepted, type DroppedConnection, Listener, type ListenerOptions } from './core/listener.ts'
export type {
  ConnectOptions,
  DiscoverOptions,
  EngineName,
  ListenOptions,
  ListenRequest,
  OpenOptions,
  OpenRequest,
  RawOption,
  SocketOptions,
} from './core/options.ts'
export type { Dropped, OutboxOptions } from './core/outbox.ts'
export { PersistentConnection, type PersistentEventMap, type PersistentOptions } from './core/persistent.ts'
export { isTransient, type Retry, type RetryOptions } from './core/retry.ts'
export {
  type Securable,
  type SecureClientOptions,
  type SecureOptions,
  type SecureServerOptions,
  secure,
} from './core/secure.ts'
export type { BatchResult } from './core/send-batch.ts'
export type { Posting } from './core/sender.ts'
export {
  type AdoptOptions,
  createSockets,
  type EndpointOf,
  type EndpointOfKind,
  type EndpointOptions,
  type FamilyStatus,
  type PairOptions,
  type Sockets,
  type TakeOverOptions,
} from './core/sockets.ts'
export type { DatagramStats, ListenerStats, StreamStats } from './core/stats.ts'
export { StreamEndpoint, type StreamEndpointOptions } from './core/stream.ts'
export type { SocketInfo, WebEndpoint } from './core/web.ts'
export type { WebChunk } from './core/web-writable.ts'
export type { AncillaryField, AncillaryForm } from './engine/ancillary-field.ts'
export type { ControlPart } from './engine/control.ts'
export { type KernelFamilyDefinition, type KernelScheme, kernelFamily } from './engine/kernel-family.ts'
export type { KernelOption, OptionCodec } from './engine/kernel-options.ts'
export type * from './families/index.ts'
export { builtinFamilies } from './families/index.ts'
export { type LinkStats, type MemoryLink, memoryLink } from './families/memory.ts'

const sockets: Sockets = createSockets(builtinFamilies)

export const connect: Sockets['connect'] = sockets.connect
export const createConnection: Sockets['createConnection'] = sockets.createConnection
export const persistent: Sockets['persistent'] = sockets.persistent
export const listen: Sockets['listen'] = sockets.listen
export const bind: Sockets['bind'] = sockets.bind
export const socketpair: Sockets['socketpair'] = sockets.socketpair
export const adopt: Sockets['adopt'] = sockets.adopt
export const takeOver: Sockets['takeOver'] = sockets.takeOver
export const discover: Sockets['discover'] = sockets.discover
export const families: Sockets['families'] = sockets.families
export const parseAddress: Sockets['parseAddress'] = sockets.parseAddress
export const formatAddress: Sockets['formatAddress'] = sockets.formatAddress
export const toSocat: Sockets['toSocat'] = sockets.toSocat
