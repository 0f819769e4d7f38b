import type { Address, EngineName } from '../../src/index.ts'
import { type Need, nothing, scheme } from './need.ts'
import { rawAddress } from './raw.ts'
import type { TemporaryDirectory } from './temporary.ts'

/** Somewhere to listen for streams: every scheme that works on any machine, on each of its engines. */
export interface Place {
  readonly title: string
  readonly need: Need
  readonly options: { readonly engine?: EngineName }
  address(directory: TemporaryDirectory): Address | string
}

let names = 0
const freshName = (): string => `polysocket-${process.pid}-${names++}`

export const places: readonly Place[] = [
  ...(['kernel', 'node'] as const).flatMap((engine): Place[] => [
    {
      title: `tcp, ${engine} engine`,
      need: scheme('tcp', engine),
      options: { engine },
      address: () => 'tcp://127.0.0.1:0',
    },
    {
      title: `unix, a path, ${engine} engine`,
      need: scheme('unix', engine),
      options: { engine },
      address: ({ file }) => `unix:${file(freshName())}`,
    },
  ]),
  {
    title: 'unix, an abstract name',
    need: scheme('unix'),
    options: {},
    address: () => `unix:@${freshName()}`,
  },
  {
    title: 'memory',
    need: nothing,
    options: {},
    address: () => `memory:${freshName()}`,
  },
  {
    title: 'raw, domain 1, type 1',
    need: scheme('raw'),
    options: {},
    address: () => rawAddress(1, 1, 0, abstractName(freshName())),
  },
]

/** `struct sockaddr_un` of an abstract name: AF_UNIX as the machine writes it, a NUL, the name. */
function abstractName(name: string): Uint8Array {
  return Buffer.concat([Buffer.from(new Uint16Array([1]).buffer), Buffer.from(`\0${name}`)])
}
