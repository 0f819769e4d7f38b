import { spawn } from 'node:child_process'
import { fstatSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { type Addon, loadAddon, NAME_SIZE } from '../../src/engine/addon.ts'

/** What a system call returns when it fails so, such as `failure('EAGAIN')`. */
export function failure(code: keyof typeof constants.errno): number {
  return -constants.errno[code]
}

export const AF_UNIX: number = 1
export const AF_INET: number = 2
export const SOCK_STREAM: number = 1
export const SOCK_DGRAM: number = 2
export const SOCK_SEQPACKET: number = 5
export const SOL_SOCKET: number = 1
export const SHUT_WR: number = 1
export const MSG_CTRUNC: number = 8
export const MSG_TRUNC: number = 0x20

/** Makes and cleans up what the tests of one suite use. */
export interface Bench {
  readonly addon: Addon
  /** Checks that a call succeeded, and closes the descriptor after the test. */
  own(fd: number): number
  /** `own(socket(...))` */
  socket(domain: number, type: number, protocol?: number): number
  /** Two connected descriptors. */
  pair(domain: number, type: number): [number, number]
  /** Watches a descriptor of ours, and closes it after the test. */
  watch(fd: number, onReady: (events: number) => void): Watched
  /** A path in a directory that is removed after the test. */
  path(name: string): string
}

/** A suite that needs the addon. */
export function describeNative(name: string, suite: (bench: Bench) => void): void {
  const { addon, unavailable } = { unavailable: undefined, ...loadAddon() }
  if (addon === undefined) {
    describe.skip(name, () => {
      test.skip(`(skipped: ${unavailable?.reason}; to run it, ${unavailable?.remedy})`, () => {})
    })
    return
  }
  const cleanups: (() => void)[] = []
  const own = (fd: number): number => {
    expect(fd).toBeGreaterThanOrEqual(0)
    cleanups.push(() => addon.close(fd))
    return fd
  }
  const bench: Bench = {
    addon,
    own,
    socket: (domain, type, protocol = 0) => own(addon.socket(domain, type, protocol)),
    pair(domain, type) {
      const fds = new Int32Array(2)
      expect(addon.socketpair(domain, type, 0, fds)).toBe(0)
      return [own(at(fds, 0)), own(at(fds, 1))]
    },
    watch(fd, onReady) {
      const watched = new Watched(addon, fd, onReady)
      cleanups.push(() => watched.close())
      return watched
    },
    path(file) {
      const directory = mkdtempSync(join(tmpdir(), 'polysocket-'))
      cleanups.push(() => rmSync(directory, { recursive: true }))
      return join(directory, file)
    },
  }
  describe(name, () => {
    afterEach(() => {
      for (const cleanup of cleanups.splice(0).reverse()) cleanup()
    })
    suite(bench)
  })
}

/** A descriptor that is watched, as an object with a function of its own. */
export class Watched {
  readonly #addon: Addon
  readonly #onReady: (events: number) => void
  /** Its async resource. */
  readonly #resource = {}
  #fd: number

  constructor(addon: Addon, fd: number, onReady: (events: number) => void) {
    this.#addon = addon
    this.#fd = fd
    this.#onReady = onReady
    const result = addon.watch(fd, this, this.#resource, this.#ready)
    if (result !== 0) throw new Error(`watch: ${result}`)
  }

  #ready(events: number): void {
    this.#onReady(events)
  }

  set(events: number): number {
    return this.#addon.wait(this.#fd, events, this)
  }

  close(): void {
    if (this.#fd >= 0) this.#addon.close(this.#fd, this)
    this.#fd = -1
  }
}

/** An element that must be there. */
export function at(array: ArrayLike<number>, index: number): number {
  const value = array[index]
  if (value === undefined) throw new RangeError(`no element ${index}`)
  return value
}

export function unixName(path: string): Uint8Array {
  return Buffer.concat([new Uint8Array(new Uint16Array([AF_UNIX]).buffer), Buffer.from(path), Buffer.from([0])])
}

/** The sockaddr_in of 127.0.0.1. */
export function loopback(port: number): Buffer {
  const name = Buffer.alloc(16)
  name.set(new Uint8Array(new Uint16Array([AF_INET]).buffer))
  name.writeUInt16BE(port, 2)
  name.set([127, 0, 0, 1], 4)
  return name
}

/** The name that a socket is bound to. */
export function nameOf(addon: Addon, fd: number): Buffer {
  const name = Buffer.alloc(NAME_SIZE)
  return name.subarray(0, addon.getsockname(fd, name))
}

export function isOpen(fd: number): boolean {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one of `scripts/` in a process of its own, since these tests end processes. `command` runs Node. */
export function run(
  script: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
  command: readonly string[] = [process.execPath],
): Promise<Exit> {
  const file = fileURLToPath(new URL(`scripts/${script}`, import.meta.url))
  const [program = process.execPath, ...before] = command
  const child = spawn(program, [...before, ...flags, file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Waits for `condition`, which something outside of this process or a later turn of the loop makes true. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** No name, no ancillary data. */
export const nothing: Uint8Array = new Uint8Array(0)
