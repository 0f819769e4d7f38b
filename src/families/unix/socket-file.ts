import { type BigIntStats, lstatSync, unlinkSync } from 'node:fs'
import { explained } from '../../core/errors.ts'
import type { Cleanup } from '../../engine/kernel.ts'

/** A file by what does not change when another one takes its name. */
export interface FileIdentity {
  readonly dev: bigint
  readonly ino: bigint
}

/** Removes the socket file at an absolute path when the socket is closed, here or in the process that inherits it. */
export function removal(path: Buffer, { dev, ino }: FileIdentity): Cleanup {
  const remove = (): void => unlinkIfSame(path, { dev, ino })
  return Object.assign(remove, { inheritance: `${dev} ${ino} ${path.toString('base64')}` })
}

/** The removal that another process wrote down as its `inheritance`. */
export function inheritedRemoval(inheritance: string): Cleanup {
  const [, dev, ino, path] = /^(\d{1,20}) (\d{1,20}) ([\w+/]+={0,2})$/.exec(inheritance) ?? []
  if (dev === undefined || ino === undefined || path === undefined) {
    throw explained('EPROTO', 'takeOver', undefined, 'what came with the socket is not the file of one')
  }
  return removal(Buffer.from(path, 'base64'), { dev: BigInt(dev), ino: BigInt(ino) })
}

/** Where it cannot be removed, the file stays, as it would have without us. */
export function unlinkIfSame(path: Buffer, ours: FileIdentity): void {
  const now = statOf(path)
  if (now === undefined || !now.isSocket() || now.dev !== ours.dev || now.ino !== ours.ino) return
  try {
    unlinkSync(path)
  } catch {
    return
  }
}

export function statOf(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true })
  } catch {
    return undefined
  }
}
