import net from 'node:net'

/** The arguments of `connect` and `listen` as one object, and the callback. */
export type NormalizedArguments<Options> = [options: Options, callback: ((...values: unknown[]) => void) | null]

/** Node's own, which marks what it returns, so that Node's other modules know it. Part of no type, but of every version. */
export const normalizeArguments: (args: readonly unknown[]) => NormalizedArguments<never> = (
  net as unknown as { _normalizeArgs: (args: readonly unknown[]) => NormalizedArguments<never> }
)._normalizeArgs

const [mark] = Object.getOwnPropertySymbols(normalizeArguments([]))

export function isNormalized<Options>(value: unknown): value is NormalizedArguments<Options> {
  return Array.isArray(value) && mark !== undefined && mark in value
}

export function normalize<Options>(args: readonly unknown[]): NormalizedArguments<Options> {
  return normalizeArguments(args) as NormalizedArguments<Options>
}
