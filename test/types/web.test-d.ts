// Checked by `npm run types`: what web() gives is what code for the Sockets API takes.
import type { StreamEndpoint, WebEndpoint } from '../../src/index.ts'

/** As @cloudflare/workers-types declares it. */
interface Socket {
  get readable(): ReadableStream
  get writable(): WritableStream
  get closed(): Promise<void>
  get opened(): Promise<{ remoteAddress?: string; localAddress?: string }>
  get upgraded(): boolean
  get secureTransport(): 'on' | 'off' | 'starttls'
  close(): Promise<void>
  startTls(options?: { expectedServerHostname?: string }): Socket
}

declare const endpoint: StreamEndpoint
const web: WebEndpoint = endpoint.web()
const socket: Socket = web

export const lines: ReadableStream<string> = web.readable.pipeThrough(new TextDecoderStream())
export const copied: Promise<void> = web.readable.pipeTo(web.writable)
export const written: Promise<void> = socket.writable.getWriter().write('text')
// @ts-expect-error: numbers are no bytes
export const misuse: Promise<void> = web.writable.getWriter().write(7)
