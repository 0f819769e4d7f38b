import type { UnixAddress } from '../../unix.ts'

/** Where the system bus is unless DBUS_SYSTEM_BUS_ADDRESS says otherwise; D-Bus specification, "Well-known Message Bus Instances". */
const DEFAULT_ADDRESS = 'unix:path=/run/dbus/system_bus_socket'

/** The Unix sockets of the system bus, in the order in which to try them. Other transports are left out. */
export function systemBusAddresses(environment: NodeJS.ProcessEnv = process.env): UnixAddress<'unix'>[] {
  return parseBusAddresses(environment.DBUS_SYSTEM_BUS_ADDRESS || DEFAULT_ADDRESS)
}

/**
 * Reads the Unix sockets out of a list of D-Bus addresses: `transport:key=value,…` separated by `;`, where `%XX` stands for
 * a byte (D-Bus specification, "Server Addresses"). What is no such address is left out, as libdbus goes on to the next one.
 */
export function parseBusAddresses(list: string): UnixAddress<'unix'>[] {
  return list.split(';').flatMap((text): UnixAddress<'unix'>[] => {
    const [transport, rest] = split(text, ':')
    if (transport.trim() !== 'unix') return []
    const values = new Map(rest.split(',').map((pair) => split(pair, '=')))
    const path = values.get('path')
    if (path) return [{ family: 'unix', scheme: 'unix', path: pathOf(unescapeBytes(path)) }]
    const abstract = values.get('abstract')
    if (abstract) return [{ family: 'unix', scheme: 'unix', abstract: unescapeBytes(abstract) }]
    return []
  })
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function unescapeBytes(text: string): Buffer {
  const parts = text.split(/(%[0-9a-f]{2})/i)
  return Buffer.concat(parts.map((part, i) => (i % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))))
}

/** As text where it is UTF-8, which is what an error message can show. */
function pathOf(bytes: Buffer): string | Buffer {
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : bytes
}
