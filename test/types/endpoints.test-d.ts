// Checked by `npm run types`: what an address literal says about the endpoint that it makes.
import {
  bind,
  connect,
  createConnection,
  type DatagramEndpoint,
  type Listener,
  listen,
  type PersistentConnection,
  persistent,
  type Scheme,
  type StreamEndpoint,
  socketpair,
  takeOver,
} from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Equal<A, B>): void => undefined

declare const anyText: string
declare module '../../src/index.ts' {
  interface SchemeMap {
    carrier: { address: { family: 'pigeon'; scheme: 'carrier' }; kind: 'datagram' }
  }
}

const stream = connect('tcp://localhost:80')
same<typeof stream, Promise<StreamEndpoint>>(true)
const message = connect('udp://localhost:53')
same<typeof message, Promise<DatagramEndpoint>>(true)
const packets = connect('unixpacket:/run/x')
same<typeof packets, Promise<DatagramEndpoint>>(true)
const template = connect(`unix:${anyText}`)
same<typeof template, Promise<StreamEndpoint>>(true)
const unknown = connect(anyText)
same<typeof unknown, Promise<StreamEndpoint | DatagramEndpoint>>(true)
const object = connect({ family: 'inet', scheme: 'udp', host: '::1', port: 53 })
same<typeof object, Promise<DatagramEndpoint>>(true)
const plugged = connect('carrier:home')
same<typeof plugged, Promise<DatagramEndpoint>>(true)
const server = listen('memory:name')
same<typeof server, Promise<Listener<StreamEndpoint>>>(true)
const packetServer = listen('unixpacket:/run/x')
same<typeof packetServer, Promise<Listener<DatagramEndpoint>>>(true)
const bound = bind('udp://*:0')
same<typeof bound, Promise<DatagramEndpoint>>(true)
const pending = createConnection('unix:/run/x')
same<typeof pending, StreamEndpoint>(true)
const pair = socketpair('unix')
same<typeof pair, [StreamEndpoint, StreamEndpoint]>(true)
const messagePair = socketpair('unixgram')
same<typeof messagePair, [DatagramEndpoint, DatagramEndpoint]>(true)
const kept = persistent('tcp://localhost:80', { prepare: (endpoint) => void endpoint.setNoDelay() })
same<typeof kept, PersistentConnection<StreamEndpoint>>(true)
const keptMessages = persistent('unixpacket:/run/x')
same<typeof keptMessages, PersistentConnection<DatagramEndpoint>>(true)
const either: PersistentConnection = kept
const next = either.connection()
same<typeof next, Promise<StreamEndpoint | DatagramEndpoint>>(true)
const scheme: Scheme = 'carrier'
same<typeof scheme, 'carrier'>(true)

// @ts-expect-error an option of the wrong type
connect('tcp://localhost:80', { noDelay: 'yes' })
// @ts-expect-error no such option
connect('tcp://localhost:80', { noDely: true })
// @ts-expect-error no such option of retry
connect('tcp://localhost:80', { retry: { atempts: 3 } })
// @ts-expect-error only connecting is tried again
listen('tcp://localhost:80', { retry: true })
// @ts-expect-error no such engine
connect('tcp://localhost:80', { engine: 'steam' })

declare const channel: StreamEndpoint
const taken = takeOver(channel, { maxConnections: 10, timeout: 1000 })
same<typeof taken, Promise<Listener<StreamEndpoint | DatagramEndpoint>>>(true)
// @ts-expect-error: the socket is open already, and brings its own address
takeOver(channel, { reusePort: true })
