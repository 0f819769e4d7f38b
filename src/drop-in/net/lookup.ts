import { isIP } from 'node:net'
import { interleave } from '../../families/inet/resolve.ts'
import type { HostRequest } from './connect-options.ts'
import { invalidFamily, invalidIP } from './misuse-errors.ts'

export interface IPAddress {
  readonly address: string
  readonly family: number
}

export interface LookupSocket {
  readonly connecting: boolean
  emit(event: string, ...values: unknown[]): boolean
}

type Outcome = (error: Error | null, addresses: readonly IPAddress[]) => void

/**
 * Looks a host name up, and emits 'lookup' for each address found. `done` gets those to try, in order, and is not called
 * when the socket stops connecting meanwhile.
 */
export function lookupHost(socket: LookupSocket, request: HostRequest, done: Outcome): void {
  const dns = process.getBuiltinModule('node:dns')
  const { host, lookup = dns.lookup as unknown as NonNullable<HostRequest['lookup']> } = request
  const family = FAMILIES[String(request.family)] ?? request.family
  const isOneFamily = family === 4 || family === 6
  // Addresses of a kind that this machine has none of would be of no use.
  const isAnyHint = request.hints === 0 && !isOneFamily && process.platform !== 'win32'
  const options = { family: family as number, hints: isAnyHint ? dns.ADDRCONFIG : request.hints }

  if (isOneFamily || request.localAddress || !request.triesAll) {
    lookup(host, options, (error, address, version) => {
      socket.emit('lookup', error, address, version, host)
      if (!socket.connecting) return
      const found = { address: address as string, family: version as number }
      done(error ?? refusal(found, request), [found])
    })
    return
  }
  lookup(host, { ...options, all: true }, (error, found) => {
    if (!socket.connecting) return
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host)
      done(error, [])
      return
    }
    const addresses = found as IPAddress[]
    for (const { address, family: version } of addresses) {
      socket.emit('lookup', error, address, version, host)
      if (!socket.connecting) return
    }
    const usable = addresses.filter((one) => refusal(one, request) === null)
    const order = [...new Set(interleave(usable))].map((address) => ({ address, family: isIP(address) }))
    done(order.length === 0 ? refusal(addresses[0], request) : null, order)
  })
}

const FAMILIES: Readonly<Record<string, number>> = { IPv4: 4, IPv6: 6 }

function refusal(found: Partial<IPAddress> | undefined, request: HostRequest): Error | null {
  if (isIP(found?.address ?? '') === 0) return invalidIP(found?.address)
  if (found?.family !== 4 && found?.family !== 6) return invalidFamily(found?.family, request.host, request.port)
  return null
}
