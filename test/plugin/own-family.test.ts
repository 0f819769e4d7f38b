import { expect } from 'vitest'
import { type AddressFamily, createSockets, invalidAddress, kernelFamily } from '../../src/index.ts'
import { testFamily } from '../conformance/run.ts'
import { given, scheme } from '../support/need.ts'

/** A number that stands for a name: what a program of one's own might call its sockets. */
interface DeskAddress {
  readonly family: 'desk'
  readonly scheme: 'desk' | 'desknote' | 'deskpost'
  readonly number: number
}

declare module '../../src/index.ts' {
  interface SchemeMap {
    desk: { address: DeskAddress & { scheme: 'desk' }; kind: 'stream' }
    desknote: { address: DeskAddress & { scheme: 'desknote' }; kind: 'datagram' }
    deskpost: { address: DeskAddress & { scheme: 'deskpost' }; kind: 'datagram' }
  }
}

const AF_UNIX = 1
const PREFIX = '\0desk/'
/** As unix(7) has it. */
const maxMessage = (sendBuffer: number): number => sendBuffer - 32
let free = process.pid * 1000

/** A kernel family written outside the package, for all three types of socket: a codec and a few numbers. */
const desk: AddressFamily<DeskAddress> = kernelFamily<DeskAddress>({
  name: 'desk',
  domain: AF_UNIX,
  schemes: {
    desk: { type: 1, protocol: 0 },
    desknote: { type: 2, protocol: 0, facts: { reliable: true, ordered: true, maxMessage: 212_960 }, maxMessage },
    deskpost: { type: 5, protocol: 0, facts: { maxMessage: 212_960 }, maxMessage },
  },
  encode: ({ number }) => Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(`${PREFIX}${number}`)]),
  decode(name, scheme) {
    const text = Buffer.from(name.subarray(2)).toString()
    return text.startsWith(PREFIX) ? make(scheme, Number(text.slice(PREFIX.length))) : undefined
  },
  parse(scheme, rest) {
    if (!/^[1-9]\d{0,14}$/.test(rest)) throw invalidAddress(`${scheme}:${rest}`, 'a desk is a number above 0')
    return make(scheme, Number(rest))
  },
  format: ({ scheme, number }) => `${scheme}:${number}`,
  ephemeral: (scheme) => make(scheme, ++free),
})

function make(scheme: string, number: number): DeskAddress {
  return { family: 'desk', scheme: scheme as DeskAddress['scheme'], number }
}

testFamily('a family of a user’s own', desk as unknown as AddressFamily)

given(scheme('unix'))('the types of its schemes reach its endpoints', async () => {
  const { connect, listen } = createSockets([desk])
  await using server = await listen('desk:7001')
  server.on('connection', (endpoint) => endpoint.end('hello'))
  const client = await connect('desk:7001')
  expect(client.remote).toEqual({ family: 'desk', scheme: 'desk', number: 7001 })
  expect(Buffer.concat(await client.toArray()).toString()).toBe('hello')
})
