// The schemes that the stress uses, and addresses for them.
import { join } from 'node:path'

/**
 * @typedef {object} Scheme
 * @property {string} name
 * @property {'stream' | 'datagram'} kind
 * @property {boolean} connected it is listened on; otherwise bound
 * @property {boolean} paired it has socketpair()
 * @property {(number: number, scratch: string) => string} address an address that nobody has
 */

/** @type {readonly Scheme[]} */
export const schemes = [
  { name: 'unix', kind: 'stream', connected: true, paired: true, address: unixAddress('unix') },
  { name: 'unixgram', kind: 'datagram', connected: false, paired: true, address: unixAddress('unixgram') },
  { name: 'unixpacket', kind: 'datagram', connected: true, paired: true, address: unixAddress('unixpacket') },
  { name: 'tcp', kind: 'stream', connected: true, paired: false, address: () => 'tcp://127.0.0.1:0' },
  { name: 'udp', kind: 'datagram', connected: false, paired: false, address: () => 'udp://127.0.0.1:0' },
  { name: 'memory', kind: 'stream', connected: true, paired: true, address: (number) => `memory:s${number}` },
  {
    name: 'memorygram',
    kind: 'datagram',
    connected: false,
    paired: true,
    address: (number) => `memorygram:s${number}`,
  },
  { name: 'raw', kind: 'stream', connected: true, paired: false, address: rawUnixAddress },
  // A family of the harness's own, which closes as rfcomm does: library.mjs.
  {
    name: 'parting',
    kind: 'stream',
    connected: true,
    paired: true,
    address: (number) => `parting:@${abstractName(number)}`,
  },
]

/** Files and abstract names by turns. */
function unixAddress(scheme) {
  return (number, scratch) =>
    number % 2 === 0 ? `${scheme}:@${abstractName(number)}` : `${scheme}:${join(scratch, `${number}.sock`)}`
}

/** AF_UNIX, SOCK_STREAM, by their numbers: a little-endian sockaddr_un with an abstract name. */
function rawUnixAddress(number) {
  return `raw:1:1:0:0100${Buffer.from(`\0${abstractName(number)}`).toString('hex')}`
}

function abstractName(number) {
  return `polysocket-stress-${process.pid}-${number}`
}

/** @returns {Scheme} */
export function schemeNamed(name) {
  return schemes.find((scheme) => scheme.name === name)
}
