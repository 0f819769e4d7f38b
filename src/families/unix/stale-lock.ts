import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { performance, sleep } from '../../core/timers.ts'
import { DirectoryEntry } from '../../engine/directory-entry.ts'

/** Milliseconds between two tries to get the lock, and after which it is no process of ours that has it. */
const PAUSE = 5
const LIMIT = 2000

/** As many bytes as `sun_path` has behind its NUL. A shorter name would be another one where libuv fills it up. */
const NAME_LENGTH = 107

/**
 * Runs `work` while no other process does so for the same path: of several that find the same stale file, one removes it
 * and binds before the next one looks. The lock is an abstract name, which the kernel takes back from a process that dies.
 * It is there for processes that wait for each other, not against one that keeps it: after 2 s `work` runs without.
 */
export async function exclusively<T>(path: Buffer, work: () => Promise<T>): Promise<T> {
  const lock = process.platform === 'linux' ? await takeLock(path) : undefined
  try {
    return await work()
  } finally {
    lock?.close()
  }
}

async function takeLock(path: Buffer): Promise<Server | undefined> {
  const name = lockName(path)
  const end = performance.now() + LIMIT
  while (name !== undefined && performance.now() < end) {
    try {
      return await listenOn(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return undefined
      await sleep(PAUSE)
    }
  }
  return undefined
}

/** The same for every path that leads to the file; `undefined` where there is no such directory. */
function lockName(path: Buffer): string | undefined {
  try {
    const { dev, ino } = DirectoryEntry.of(path, ({ directory }) => directory)
    const name = path.subarray(path.lastIndexOf('/') + 1)
    const hash = createHash('sha256').update(`${dev} ${ino} `).update(name).digest('hex')
    return `\0${`polysocket-unlink-stale-${hash}`.padEnd(NAME_LENGTH, '-')}`
  } catch {
    return undefined
  }
}

function listenOn(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((visitor) => visitor.destroy())
    server.once('error', reject)
    // Without `exclusive` the workers of node:cluster would share it.
    server.listen({ path, exclusive: true }, () => resolve(server))
  })
}
