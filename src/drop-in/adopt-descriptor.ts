import type { AddressBase } from '../core/address.ts'
import type { AnyHandle, ListenerHandle } from '../core/family.ts'
import { builtinFamilies } from '../families/index.ts'

export interface Adopted {
  readonly handle: AnyHandle<AddressBase> | ListenerHandle<AddressBase>
  /** The name of the family that knows it. */
  readonly family: string
}

/**
 * Takes over a descriptor, or a duplicate of one that somebody else keeps open. `undefined` for what no family knows. Throws
 * the system's error: EEXIST for one in use here.
 */
export function adoptDescriptor(fd: number, what: 'itself' | 'duplicate'): Adopted | undefined {
  for (const family of builtinFamilies) {
    const handle = family.adopt?.(fd, { what })
    if (handle !== undefined) return { handle, family: family.name }
  }
  return undefined
}
