import type { AddressBase } from '../core/address.ts'
import { because, SocketError } from '../core/errors.ts'
import type { KernelFamilyDefinition } from './kernel-family.ts'
import { type NamedOptions, namedOptions } from './socket-options.ts'

/** What both engines do around the opening of a socket of a kernel family. */

type Given = Readonly<Record<string, unknown>>

/** The options of a socket for this address, as far as they are known before it is looked up: by their names. */
export function namesBeforeOpening<A extends AddressBase>(
  definition: KernelFamilyDefinition<A>,
  address: A,
): NamedOptions {
  const { domain } = definition
  return namedOptions(definition, { domain: typeof domain === 'number' ? domain : (domain[0] ?? 0), address })
}

export function checkBindOptions<A extends AddressBase>(
  { bindOptions = {} }: KernelFamilyDefinition<A>,
  options: Given,
): void {
  for (const [name, check] of Object.entries(bindOptions)) {
    if (options[name] !== undefined) check(options[name])
  }
}

/** Runs what binds to, connects to or listens at `address`: its error has the family's explanation where there is one. */
export async function explaining<A extends AddressBase, T>(
  definition: KernelFamilyDefinition<A>,
  address: A,
  options: Given,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw explainedBy(definition, error, address, options)
  }
}

/** The error, with the family's explanation where it has one. */
export function explainedBy<A extends AddressBase>(
  definition: KernelFamilyDefinition<A>,
  error: unknown,
  address: A,
  options: Given,
): unknown {
  if (!(error instanceof SocketError) || error.errno === undefined) return error
  const why = definition.explain?.(error, address, options)
  return why === undefined ? error : because(error, why)
}
