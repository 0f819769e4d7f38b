import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How many descriptors this process has open; the one that reads the directory is not counted. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1
}

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Bytes in use on the heap and in buffers, after everything that can be collected was. */
export async function settledMemory(): Promise<{ heap: number; buffers: number; rss: number }> {
  for (let round = 0; round < 4; round++) {
    gc()
    // Finalizers of native objects run in turns of the event loop after the collection.
    await sleep(20)
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { heap: heapUsed, buffers: arrayBuffers, rss }
}

/** Waits until `condition` holds, for what closes in a later turn of the event loop or in another process. */
export async function eventually(condition: () => boolean, timeout = 5000): Promise<boolean> {
  const end = Date.now() + timeout
  while (!condition()) {
    if (Date.now() > end) return false
    await sleep(10)
  }
  return true
}
