import { Registry } from '../core/registry.ts'
import { builtinFamilies } from '../families/index.ts'

/** The addresses that stand where Node has a port, a host or a path. */
export const registry: Registry = new Registry(builtinFamilies)
