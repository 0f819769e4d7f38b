import { explained } from '../../../core/errors.ts'

/** libuv's thread pool, as it is unless UV_THREADPOOL_SIZE said otherwise before the process began. */
const DEFAULT_SIZE = 4
const MOST = 1024

/** For files, names and our own writes: without a thread for them everything in the process would stand still. */
const KEPT_FREE = 1

let taken = 0

/**
 * Takes one of the pool's threads: a connection of the driver occupies one for as long as it reads, a connect for as long
 * as it lasts, also when nobody waits for it any more. Returns how to give it back, once.
 *
 * Throws `EMFILE` rather than take the last one: a connect without a thread would never be answered.
 */
export function takeThread(address: string): () => void {
  const size = poolSize()
  if (taken >= size - KEPT_FREE) {
    const why = `each connection of the driver serial-port occupies one of the pool's ${size} threads; set UV_THREADPOOL_SIZE`
    throw explained('EMFILE', 'connect', address, why)
  }
  taken++
  let isMine = true
  return () => {
    if (isMine) taken--
    isMine = false
  }
}

function poolSize(): number {
  const size = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '', 10)
  return Number.isNaN(size) ? DEFAULT_SIZE : Math.min(Math.max(size, 1), MOST)
}
