import type { AddressBase } from '../core/address.ts'
import type { AddressFamily } from '../core/family.ts'
import { bluetooth } from './bluetooth.ts'
import { inet } from './inet.ts'
import { memory } from './memory.ts'
import { raw } from './raw.ts'
import { unix } from './unix.ts'

export type * from './bluetooth.ts'
export type { InetAddress, InetSocketOptions, MulticastMembership, SourceMembership } from './inet.ts'
export type { Faults, MemoryAddress } from './memory.ts'
export type { RawAddress } from './raw.ts'
export type { UnixAddress, UnixScheme, UnixSocketOptions } from './unix.ts'

/** The families that the package brings. The first that knows an adopted socket takes it, so `raw` is the last. */
export const builtinFamilies: readonly AddressFamily<AddressBase>[] = [inet, unix, bluetooth, memory, raw]
