import type { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import {
  type Address,
  createConnection,
  type EngineName,
  type Listener,
  type ListenOptions,
  listen,
  type StreamEndpoint,
} from '../../src/index.ts'

/** An HTTP server that has no socket of its own: it is fed from our listener. */
export interface Site extends AsyncDisposable {
  readonly address: Address
  /** Connections accepted until now. */
  readonly connections: number
}

export async function serveHttp(address: string, engine: EngineName, handler: http.RequestListener): Promise<Site> {
  const listener = (await listen(address, { engine })) as Listener<StreamEndpoint>
  const server = http.createServer(handler)
  let connections = 0
  listener.on('connection', (endpoint: StreamEndpoint) => {
    connections++
    server.emit('connection', endpoint)
  })
  return {
    address: listener.address,
    get connections() {
      return connections
    },
    [Symbol.asyncDispose]: async () => {
      await listener.close()
      server.closeAllConnections()
    },
  }
}

/** Opens a listener of ours for a server that has no socket of its own. */
export async function feed(
  server: EventEmitter,
  address: Address | string,
  options: ListenOptions = {},
): Promise<Listener<StreamEndpoint>> {
  const listener = (await listen(address, options)) as Listener<StreamEndpoint>
  listener.on('connection', (endpoint) => server.emit('connection', endpoint))
  return listener
}

/** An agent whose connections are ours. */
export class OurAgent extends http.Agent {
  readonly #address: Address
  readonly #engine: EngineName

  constructor(address: Address, engine: EngineName, maxSockets: number) {
    super({ keepAlive: true, maxSockets })
    this.#address = address
    this.#engine = engine
  }

  override createConnection(): StreamEndpoint {
    return createConnection(this.#address, { engine: this.#engine })
  }
}

/** Sends a request and gives the response once its head is there. */
export function request(
  options: http.RequestOptions,
  send: (request: http.ClientRequest) => void,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const made = http.request(options, resolve)
    made.on('error', reject)
    send(made)
  })
}

/** A certificate of `support/tls/` with its key. */
export function identity(name: 'server' | 'stranger'): { cert: string; key: string } {
  const read = (type: string): string => readFileSync(new URL(`tls/${name}.${type}`, import.meta.url), 'utf8')
  return { cert: read('crt'), key: read('key') }
}
