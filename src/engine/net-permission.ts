import { accessDenied } from '../core/errors.ts'

/**
 * Throws `ERR_ACCESS_DENIED` where Node's permission model refuses the network: `--permission` without `--allow-net`, which
 * Node knows since 25. A line that does not know it refuses nothing, although its `has('net')` is false.
 * https://nodejs.org/api/permissions.html
 */
export function checkNetPermission(address: string): void {
  const { permission } = process
  if (permission === undefined || permission.has('net')) return
  if (process.allowedNodeEnvironmentFlags.has('--allow-net')) throw accessDenied(address)
}
