import { type AddressFamily, invalidAddress, kernelFamily } from '../../src/index.ts'

/*
 * Families as a user of the package writes them: a codec and a few numbers each, no native code, nothing that the
 * package does not export.
 */

const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_SEQPACKET = 5

const AF_UNIX = 1
/** A NUL first makes the name an abstract one: unix(7). */
const ABSTRACT = 0
const NAME_OFFSET = 3

interface NamedAddress {
  readonly family: 'named'
  readonly scheme: string
  readonly name: string
}

let names = 0
const limit = (option: (name: string) => unknown): number => (option('sendBuffer') as number) - 32

/** Unix sockets by abstract names of a few plain characters. */
export const named: AddressFamily<NamedAddress> = kernelFamily<NamedAddress>({
  name: 'named',
  domain: AF_UNIX,
  schemes: {
    named: { type: SOCK_STREAM, protocol: 0 },
    namedgram: {
      type: SOCK_DGRAM,
      protocol: 0,
      facts: { reliable: true, ordered: true, maxMessage: 212_960 },
      maxMessage: limit,
    },
    namedpacket: { type: SOCK_SEQPACKET, protocol: 0, facts: { maxMessage: 212_960 }, maxMessage: limit },
  },
  encode({ name }) {
    const bytes = Buffer.alloc(NAME_OFFSET + name.length, ABSTRACT)
    new DataView(bytes.buffer, bytes.byteOffset).setUint16(0, AF_UNIX, true)
    bytes.write(name, NAME_OFFSET, 'latin1')
    return bytes
  },
  decode(bytes, scheme) {
    if (bytes.length <= NAME_OFFSET) return undefined
    return { family: 'named', scheme, name: Buffer.from(bytes.subarray(NAME_OFFSET)).toString('latin1') }
  },
  parse: (scheme, rest) => checkedName({ family: 'named', scheme, name: rest }),
  format: (address) => `${checkedName(address).scheme}:${address.name}`,
  ephemeral: (scheme) => ({ family: 'named', scheme, name: `conformance-${process.pid}-${names++}` }),
})

function checkedName(address: NamedAddress): NamedAddress {
  if (!/^[\w.-]{1,100}$/.test(address.name)) throw invalidAddress(address, 'the name must be 1 to 100 plain characters')
  return address
}

const AF_VSOCK = 40
const VMADDR_CID_LOCAL = 1
const VMADDR_PORT_ANY = 0xff_ff_ff_ff
const SOCKADDR_VM_SIZE = 16

interface VmAddress {
  readonly family: 'vm'
  readonly scheme: string
  readonly cid: number
  readonly port: number
}

/** Sockets between virtual machines and their host, and over the loopback of either: vsock(7). */
export const vm: AddressFamily<VmAddress> = kernelFamily<VmAddress>({
  name: 'vm',
  domain: AF_VSOCK,
  schemes: { vm: { type: SOCK_STREAM, protocol: 0 } },
  encode({ cid, port }) {
    const bytes = new DataView(new ArrayBuffer(SOCKADDR_VM_SIZE))
    bytes.setUint16(0, AF_VSOCK, true)
    bytes.setUint32(4, port, true)
    bytes.setUint32(8, cid, true)
    return new Uint8Array(bytes.buffer)
  },
  decode(name, scheme) {
    const bytes = new DataView(name.buffer, name.byteOffset, name.byteLength)
    return { family: 'vm', scheme, port: bytes.getUint32(4, true), cid: bytes.getUint32(8, true) }
  },
  parse(scheme, rest) {
    const [, cid, port] = /^\/\/(\d{1,10}):(\d{1,10})$/.exec(rest) ?? []
    if (cid === undefined || port === undefined) throw invalidAddress(`${scheme}:${rest}`, 'it must be //cid:port')
    return checkedNumbers({ family: 'vm', scheme, cid: Number(cid), port: Number(port) })
  },
  format(address) {
    const { scheme, cid, port } = checkedNumbers(address)
    return `${scheme}://${cid}:${port}`
  },
  ephemeral: (scheme) => ({ family: 'vm', scheme, cid: VMADDR_CID_LOCAL, port: VMADDR_PORT_ANY }),
  remedy: 'modprobe vsock_loopback',
})

function checkedNumbers(address: VmAddress): VmAddress {
  for (const number of [address.cid, address.port]) {
    if (!Number.isInteger(number) || number < 0 || number > VMADDR_PORT_ANY) {
      throw invalidAddress(address, 'cid and port must fit into 32 bits')
    }
  }
  return address
}
