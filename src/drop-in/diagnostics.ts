import { type Channel, channel } from 'node:diagnostics_channel'

/** The channels on which Node's own modules tell of their sockets and servers, by their documented names. */
export const clientSockets: Channel = channel('net.client.socket')
export const serverSockets: Channel = channel('net.server.socket')
export const udpSockets: Channel = channel('udp.socket')
export const listenStarts: Channel = channel('tracing:net.server.listen:asyncStart')
export const listenEnds: Channel = channel('tracing:net.server.listen:asyncEnd')
export const listenFails: Channel = channel('tracing:net.server.listen:error')

/** Makes the message only where somebody listens. */
export function tell(to: Channel, message: () => object): void {
  if (to.hasSubscribers) to.publish(message())
}
