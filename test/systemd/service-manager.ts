import { afterEach } from 'vitest'
import type { Child } from '../support/child.ts'
import { type PeerAddress, startPython } from '../support/python.ts'

/** A message that it got: the text, the sender's process, and what came with it. */
export interface Told {
  readonly text: string
  readonly pid: number
  readonly fds: readonly string[]
}

afterEach(() => {
  delete process.env.NOTIFY_SOCKET
})

/** Starts a service manager in Python, and tells this process of it as systemd would. */
export async function startManager(path: string, options: { wait?: boolean } = {}): Promise<Child> {
  const isAbstract = path.startsWith('@')
  const address: PeerAddress = isAbstract
    ? { scheme: 'unixgram', abstract: Buffer.from(path.slice(1)).toString('hex') }
    : { scheme: 'unixgram', path }
  const manager = startPython('service_manager.py', { address, ...options })
  await manager.report()
  process.env.NOTIFY_SOCKET = path
  return manager
}
