import { clearInterval, performance, setInterval } from '../core/timers.ts'
import type { Addon } from './addon.ts'
import { decodeInt, SOL_SOCKET } from './kernel-options.ts'

/** Of asm-generic/socket.h: nine 32-bit numbers, which linux/sock_diag.h names SK_MEMINFO_*. */
const SO_MEMINFO = 55
const MEMINFO_SIZE = 36
/** SK_MEMINFO_WMEM_ALLOC: bytes of kernel memory that what was sent holds until it has left. */
const WMEM_ALLOC_AT = 8

/** Milliseconds between two looks. */
const INTERVAL = 20
/** At so many looks nothing more had left: the peer may be waiting for us to read. */
const STUCK = 10
/** Milliseconds after which it is closed whatever is left. */
const LIMIT = 5000

/** As much as RFCOMM's receive buffer may hold is taken within a few looks. */
const nobodys = new Uint8Array(65_536)

/**
 * Closes a socket once what was sent has left, 5 s later at the latest; until then it keeps nothing alive but `owner`, its
 * watch's target, whose end would be the descriptor's.
 *
 * A socket that is closed reads no more, and gives its peer no more room to send. Where both ends of a connection are full
 * and are closed, each waits for room that the other one will not make. So one that is stuck is read on, and what comes is
 * thrown away. No sooner: another process may have the same socket, to read from it.
 */
export function closeOnceSent(addon: Addon, fd: number, owner: object): void {
  let unsent = bytesUnsent(addon, fd)
  if (unsent === 0) {
    addon.close(fd, owner)
    return
  }
  const end = performance.now() + LIMIT
  let idle = 0
  const timer = setInterval(() => {
    // Refused where somebody else has closed the descriptor and a socket of ours has its number by now.
    if (addon.wait(fd, 0, owner) < 0) {
      clearInterval(timer)
      return
    }
    const before = unsent
    unsent = bytesUnsent(addon, fd)
    if (idle < STUCK) idle = unsent < before ? 0 : idle + 1
    if (unsent === 0 || performance.now() >= end) {
      clearInterval(timer)
      addon.close(fd, owner)
    } else if (idle === STUCK) {
      addon.recv(fd, nobodys, 0, nobodys.length)
    }
  }, INTERVAL)
  timer.unref()
  addon.wait(fd, 0, owner)
  addon.unref(fd, owner)
}

/** 0 where the kernel does not say. */
function bytesUnsent(addon: Addon, fd: number): number {
  const numbers = Buffer.alloc(MEMINFO_SIZE)
  const length = addon.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers)
  return length === MEMINFO_SIZE ? decodeInt(numbers, WMEM_ALLOC_AT) : 0
}
