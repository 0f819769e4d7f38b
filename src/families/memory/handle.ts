import { unknownOption } from '../../core/errors.ts'
import type { SchemeFacts } from '../../core/facts.ts'
import type { Handle } from '../../core/family.ts'
import type { RawOption } from '../../core/options.ts'
import type { MemoryAddress } from './address.ts'
import { Hold } from './clock.ts'
import { checkFaults } from './faults.ts'
import type { Link } from './link.ts'

/** UDP's limit over IPv4, so that what passes here passes there. */
export const MAX_MESSAGE = 65_507

export const schemes: Readonly<Record<MemoryAddress['scheme'], SchemeFacts>> = {
  memory: {
    kind: 'stream',
    socket: 'in process, as SOCK_STREAM',
    connected: true,
    reliable: true,
    ordered: true,
    boundaries: false,
    halfClose: true,
  },
  // Without faults nothing is lost and all is in order; but a promise that an address can break is none.
  memorygram: {
    kind: 'datagram',
    socket: 'in process, as SOCK_DGRAM',
    connected: false,
    reliable: false,
    ordered: false,
    boundaries: true,
    halfClose: false,
    maxMessage: MAX_MESSAGE,
  },
}

/** The only option there is. */
export const OPTIONS: readonly string[] = ['faults']

/** What streams, datagram sockets and listeners have in common. */
export abstract class MemoryHandle implements Handle<MemoryAddress> {
  readonly facts: SchemeFacts
  readonly engine = 'memory'
  readonly fd = undefined
  readonly local: MemoryAddress
  readonly link: Link
  protected readonly hold: Hold = new Hold()
  protected closed = false

  constructor(link: Link) {
    this.facts = schemes[link.address.scheme]
    this.local = link.address
    this.link = link
  }

  abstract get remote(): MemoryAddress | undefined
  abstract close(): void

  getOption(option: string | RawOption): unknown {
    if (option === 'faults') return this.link.faults
    throw unknownOption(this.local.scheme, option, OPTIONS)
  }

  setOption(option: string | RawOption, value: unknown): void {
    if (option !== 'faults') throw unknownOption(this.local.scheme, option, OPTIONS)
    checkFaults(value, 'option faults')
    this.link.faults = value
  }

  ref(): void {
    this.hold.ref()
  }

  unref(): void {
    this.hold.unref()
  }
}
