import { inspect } from 'node:util'
import { type AddressBase, invalidAddress } from '../../core/address.ts'
import { type Fail, type Host, readHost } from './host.ts'

export interface HostAndPort {
  readonly host: Host
  readonly port: number
}

/** Reads `//host:port`, where an IPv6 host stands in brackets. */
export function parseHostAndPort(scheme: string, rest: string): HostAndPort {
  const fail: Fail = (part) => {
    throw invalidAddress(`${scheme}:${rest}`, part)
  }
  if (!rest.startsWith('//')) fail(`${scheme}: is followed by //host:port`)
  const { host, bracketed, port } = split(rest.slice(2), fail)
  if (bracketed && !host.includes(':')) fail(`the host in brackets, ${JSON.stringify(host)}, is no IPv6 address`)
  return { host: readHost(host, fail), port: readPort(port, fail) }
}

/** Reads an address that is data, each part checked. */
export function checkHostAndPort(address: AddressBase & { readonly host: string; readonly port: number }): HostAndPort {
  const fail: Fail = (part) => {
    throw invalidAddress(inspect(address), part)
  }
  const { host, port }: { host: unknown; port: unknown } = address
  if (typeof host !== 'string') return fail(`the host must be a string, not ${inspect(host)}`)
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65535
  if (!isPort) return fail(`the port must be a whole number from 0 to 65535, not ${inspect(port)}`)
  return { host: readHost(host, fail), port }
}

export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.address?.length === 16 ? `[${host.text}]:${port}` : `${host.text}:${port}`
}

function split(text: string, fail: Fail): { host: string; bracketed: boolean; port: string } {
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    if (close < 0) fail('the host has an opening bracket and no closing one')
    const after = text.slice(close + 1)
    if (!after.startsWith(':'))
      fail(
        after === ''
          ? 'the port is missing'
          : `the host's bracket is followed by ${JSON.stringify(after)}, not by :port`,
      )
    return { host: text.slice(1, close), bracketed: true, port: after.slice(1) }
  }
  if (/^[^[]*\]/.test(text)) fail('the host has a closing bracket and no opening one')
  const colon = text.indexOf(':')
  if (colon < 0) fail('the port is missing')
  const host = text.slice(0, colon)
  const port = text.slice(colon + 1)
  if (port.includes(':')) fail('the host has colons: an IPv6 address stands in brackets, as in [::1]:80')
  return { host, bracketed: false, port }
}

function readPort(text: string, fail: Fail): number {
  if (text === '') fail('the port is missing')
  if (/^[0-9]+[/?#]/.test(text))
    fail(`the port is followed by ${JSON.stringify(text.replace(/^[0-9]+/, ''))}: nothing comes after it`)
  if (!/^[0-9]+$/.test(text)) fail(`the port ${JSON.stringify(text)} is not a decimal number`)
  const port = Number(text)
  return port <= 65535 ? port : fail(`the port ${text} is more than 65535`)
}
