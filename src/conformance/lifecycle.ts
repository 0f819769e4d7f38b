import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { StreamEndpoint } from '../core/stream.ts'
import { type CaseDefinition, isConnected, isDatagram, isStream } from './case.ts'
import { type AnyListener, addressOf, type Fixture } from './fixture.ts'
import { type DatagramPair, datagramPair, streamPair } from './pair.ts'
import { countEvents, delay, nextEvent, settlesWithin } from './waiting.ts'

/** An operation that takes longer hangs. */
const HANGS = 2000

/** How an operation may fail in a state that is not for it. The peer's going away is the system's to report. */
const REFUSALS = /^(ERR_SOCKET_CLOSED|ERR_UNSUPPORTED|ERR_OPTION_UNKNOWN|ERR_STREAM_[A-Z_]+|ETIMEDOUT)$/
const SYSTEM_REFUSALS = /^(EPIPE|ECONNRESET|ECONNREFUSED|ENOTCONN|ECONNABORTED|ENOENT|EDESTADDRREQ|EINVAL)$/

/** One thing that can be called, and resolves when it is through. */
type Operations<T> = Readonly<Record<string, (target: T) => unknown>>

/** How to get a target into a state. */
interface State<T> {
  readonly name: string
  /** The peer is gone, so what fails may fail with the system's code. */
  readonly peerGone?: true
  readonly reach: (f: Fixture) => Promise<T>
}

const common: Operations<StreamEndpoint | DatagramEndpoint | AnyListener> = {
  'getOption()': (target) => target.getOption('receiveBuffer'),
  'setOption()': (target) => target.setOption('receiveBuffer', 65_536),
  'ref()': (target) => target.ref(),
  'unref()': (target) => target.unref(),
  fd: (target) => target.fd,
  engine: (target) => target.engine,
  facts: (target) => target.facts,
  'Symbol.asyncDispose': (target) => target[Symbol.asyncDispose](),
}

const streamOperations: Operations<StreamEndpoint> = {
  ...common,
  'write()': (stream) => settled((done) => stream.write('x', done)),
  'end()': (stream) => over(stream.end()),
  'end(data)': (stream) => over(stream.end('x')),
  'read()': (stream) => stream.read(),
  'pause()': (stream) => stream.pause(),
  'resume()': (stream) => stream.resume(),
  'cork()': (stream) => stream.cork(),
  'destroy()': (stream) => stream.destroy(),
  'destroySoon()': (stream) => stream.destroySoon(),
  'resetAndDestroy()': (stream) => stream.resetAndDestroy(),
  'setTimeout()': (stream) => stream.setTimeout(10_000),
  'setNoDelay()': (stream) => stream.setNoDelay(true),
  'setKeepAlive()': (stream) => stream.setKeepAlive(true, 1000),
  'address()': (stream) => stream.address(),
  addresses: (stream) => [stream.local, stream.remote, stream.remoteAddress, stream.remotePort, stream.localAddress],
  counters: (stream) => [stream.bytesRead, stream.bytesWritten, stream.readyState, stream.connecting, stream.pending],
}

function datagramOperations({ toFar }: Pick<DatagramPair, 'toFar'>): Operations<DatagramEndpoint> {
  return {
    ...common,
    'send()': (endpoint) => endpoint.send('x', toFar),
    'trySend()': (endpoint) => endpoint.trySend('x', toFar),
    'sendBatch()': (endpoint) =>
      endpoint.sendBatch(Array(3).fill(toFar === undefined ? { data: 'x' } : { data: 'x', to: toFar })),
    'ready()': (endpoint) => endpoint.ready(),
    'receive()': (endpoint) => endpoint.receive({ timeout: 50 }),
    "on('message')": (endpoint) => endpoint.on('message', () => undefined),
    'pause()': (endpoint) => endpoint.pause(),
    'resume()': (endpoint) => endpoint.resume(),
    'setTTL()': (endpoint) => endpoint.setTTL(64),
    'setBroadcast()': (endpoint) => endpoint.setBroadcast(false),
    'end()': (endpoint) => endpoint.end(),
    'close()': (endpoint) => endpoint.close(),
    addresses: (endpoint) => [endpoint.local, endpoint.remote],
    counters: (endpoint) => [endpoint.dropped, endpoint.queued, endpoint.closed, endpoint.isPaused()],
  }
}

const listenerOperations: Operations<AnyListener> = {
  ...common,
  'accept()': (listener) => listener.accept({ timeout: 50 }),
  "on('connection')": (listener) => listener.on('connection', () => undefined),
  'close()': (listener) => listener.close(),
  address: (listener) => listener.address,
  counters: (listener) => [listener.connections, listener.maxConnections, listener.closed],
}

const streamStates: readonly State<StreamEndpoint>[] = [
  {
    name: 'opening',
    reach: async (f) => {
      const listener = await f.listen()
      listener.on('connection', (endpoint) => f.track(endpoint as StreamEndpoint).resume())
      return f.create(addressOf(listener))
    },
  },
  { name: 'open', reach: async (f) => (await streamPair(f)).near },
  {
    name: 'ended by us',
    reach: async (f) => {
      const { near, far } = await streamPair(f, {}, { allowHalfOpen: true })
      far.resume()
      near.end()
      await nextEvent(near, 'finish')
      return near
    },
  },
  {
    name: 'left by the peer',
    peerGone: true,
    reach: async (f) => {
      const { near, far } = await streamPair(f, { allowHalfOpen: true })
      far.destroy()
      await delay(20)
      return near
    },
  },
  { name: 'closing', reach: async (f) => (await streamPair(f)).near.destroy() },
  {
    name: 'closed',
    reach: async (f) => {
      const { near } = await streamPair(f)
      const closed = nextEvent(near, 'close')
      near.destroy()
      await closed
      return near
    },
  },
]

const listenerStates: readonly State<AnyListener>[] = [
  { name: 'open', reach: (f) => f.listen() },
  {
    name: 'closing',
    reach: async (f) => {
      const listener = await f.listen()
      void listener.close()
      return listener
    },
  },
  {
    name: 'closed',
    reach: async (f) => {
      const listener = await f.listen()
      await listener.close()
      return listener
    },
  },
]

function closeOf(target: StreamEndpoint | DatagramEndpoint | AnyListener): void {
  if ('destroy' in target) target.destroy()
  else void target.close()
}

function settled(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())))
}

/** Our direction has ended. Not by the callback of `end`: Node does not call it on a stream that was destroyed. */
async function over(stream: StreamEndpoint): Promise<void> {
  if (!stream.destroyed && !stream.writableFinished)
    await Promise.race([nextEvent(stream, 'finish'), nextEvent(stream, 'close')])
}

/** Calls it: it must come to an end, and fail only in the ways that the states allow. */
async function attempt(what: string, operation: () => unknown, peerGone: boolean): Promise<void> {
  const outcome = (async () => operation())()
  assert.ok(await settlesWithin(outcome, HANGS), `${what} neither succeeded nor failed within ${HANGS} ms`)
  await outcome.catch((error: NodeJS.ErrnoException) => {
    const code = String(error.code)
    const allowed = REFUSALS.test(code) || (peerGone && SYSTEM_REFUSALS.test(code))
    if (!allowed) throw new assert.AssertionError({ message: `${what} failed with ${code}: ${error.stack}` })
  })
}

/** Each operation on a target of its own, as one may end the state; then every target closes, and says so once. */
async function tryAll<T extends StreamEndpoint | DatagramEndpoint | AnyListener>(
  f: Fixture,
  state: Pick<State<T>, 'name' | 'peerGone'>,
  operations: readonly string[],
  reach: () => Promise<{ target: T; operate: (name: string) => unknown }>,
): Promise<void> {
  f.expectErrors()
  const closes: [what: string, counter: { count: number }][] = []
  const targets: T[] = []
  for (const name of operations) {
    const what = `${name} when ${state.name}`
    const { target, operate } = await f.wait(`the state '${state.name}'`, reach())
    targets.push(target)
    // What was ended may be closed by now.
    const isClosed = state.name === 'closed' || ('destroy' in target && target.closed)
    if (!isClosed) closes.push([what, countEvents(target as EventEmitter, 'close')])
    await f.wait(
      what,
      attempt(what, () => operate(name), state.peerGone === true),
    )
  }
  for (const target of [...targets, ...targets]) closeOf(target)
  await delay(100)
  for (const [what, { count }] of closes) assert.equal(count, 1, `after ${what}, 'close' came ${count} times`)
}

const streamCases = streamStates.map(
  (state): CaseDefinition => ({
    name: `a stream that is ${state.name}: every operation works or is refused, none hangs`,
    when: isStream,
    run: (f) =>
      tryAll(f, state, Object.keys(streamOperations), async () => {
        const target = await state.reach(f)
        return { target, operate: (name) => streamOperations[name]?.(target) }
      }),
  }),
)

const listenerCases = listenerStates.map(
  (state): CaseDefinition => ({
    name: `a listener that is ${state.name}: every operation works or is refused, none hangs`,
    when: isConnected,
    run: (f) =>
      tryAll(f, state, Object.keys(listenerOperations), async () => {
        const target = await state.reach(f)
        return { target, operate: (name) => listenerOperations[name]?.(target) }
      }),
  }),
)

const datagramStates: readonly { name: string; peerGone?: true; enter: (pair: DatagramPair) => unknown }[] = [
  { name: 'open', enter: () => undefined },
  { name: 'left by the peer', peerGone: true, enter: ({ far }) => far.close() },
  { name: 'closing', enter: ({ near }) => void near.close() },
  { name: 'closed', enter: ({ near }) => near.close() },
]

const datagramCases = datagramStates.map(
  (state): CaseDefinition => ({
    name: `a datagram endpoint that is ${state.name}: every operation works or is refused, none hangs`,
    when: isDatagram,
    run: (f) =>
      tryAll(f, state, Object.keys(datagramOperations({ toFar: undefined })), async () => {
        const pair = await datagramPair(f)
        await state.enter(pair)
        const operations = datagramOperations(pair)
        return { target: pair.near, operate: (name) => operations[name]?.(pair.near) }
      }),
  }),
)

/** Every operation in every state. */
export const lifecycle: readonly CaseDefinition[] = [...streamCases, ...datagramCases, ...listenerCases]
