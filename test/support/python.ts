import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Address } from '../../src/index.ts'
import { Child } from './child.ts'

let executable: string | undefined

/** Starts a peer of `test/interop/peers/`, whose only argument is a JSON object; it reports in lines of JSON. */
export function startPython(script: string, argument: Record<string, unknown>): Child {
  // Asked once, since a wrapper script in PATH (pyenv's) takes longer to start than python itself.
  executable ??= execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
  const path = fileURLToPath(new URL(`../interop/peers/${script}`, import.meta.url))
  return new Child(executable, [path, JSON.stringify(argument)])
}

/** An address as the peers take it: bytes as hexadecimal digits. */
export interface PeerAddress {
  readonly scheme: string
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly abstract?: string
}

export function toPeer(address: Address | undefined): PeerAddress {
  if (address === undefined) throw new Error('the endpoint has no address')
  const { scheme, host, port, path, abstract } = address as {
    scheme: string
    host?: string
    port?: number
    path?: string
    abstract?: Uint8Array
  }
  if (host !== undefined && port !== undefined) return { scheme, host, port }
  if (path !== undefined) return { scheme, path }
  if (abstract !== undefined) return { scheme, abstract: Buffer.from(abstract).toString('hex') }
  throw new Error(`no way to tell a peer of ${JSON.stringify(address)}`)
}

export function fromPeer({ scheme, host, port, path, abstract }: PeerAddress): Address {
  if (host !== undefined && port !== undefined) {
    return { family: 'inet', scheme, host, port } as Address
  }
  if (path !== undefined) return { family: 'unix', scheme, path } as Address
  return { family: 'unix', scheme, abstract: Buffer.from(abstract ?? '', 'hex') } as Address
}
