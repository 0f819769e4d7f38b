import type { AddressBase } from '../../src/core/address.ts'
import type { SchemeFacts } from '../../src/core/facts.ts'
import type { Addon } from '../../src/engine/addon.ts'
import type { SocketKind } from '../../src/engine/kernel.ts'

/** A result, or what to do to the arguments before giving one. */
export type Step = number | ((...args: never[]) => number)

/** What the script does not answer: the addon does. */
type Watching = 'watch' | 'wait' | 'ref' | 'unref' | 'report' | 'outside'

const ENOTCONN = -107

type Call = Exclude<keyof Addon, Watching>

/**
 * An addon whose every call answers as a script says: for the branches that a real kernel takes only under conditions no
 * test can bring about (EINTR, EMFILE in between, a partial write at a chosen byte). A call without a script fails the test.
 */
export class ScriptedAddon {
  readonly calls: string[] = []
  readonly closed: number[] = []
  /** What the socket waits for. */
  waitingFor = 0
  watchClosed = false
  watchResult: number | undefined
  #watched: number | undefined
  #target: object | undefined
  readonly #scripts = new Map<Call, Step[]>()
  #onReady: ((events: number) => void) | undefined

  script(call: Call, ...steps: Step[]): this {
    this.#scripts.set(call, [...(this.#scripts.get(call) ?? []), ...steps])
    return this
  }

  /** Steps that were never taken: a script must be used up. */
  left(): string[] {
    return [...this.#scripts].filter(([, steps]) => steps.length > 0).map(([call]) => call)
  }

  /** The kernel reports readiness. */
  ready(events: number): void {
    if (this.#onReady === undefined) throw new Error('nothing is watched')
    this.#onReady(events)
  }

  get addon(): Addon {
    const watching: Pick<Addon, Watching> = {
      watch: (fd, target, _resource, onReady) => {
        if (this.watchResult !== undefined) return this.watchResult
        this.#watched = fd
        this.#target = target
        this.#onReady = onReady.bind(target)
        return 0
      },
      wait: (_fd, events, owner) => {
        if (owner !== this.#target) throw new Error('waits for what is not its own')
        this.waitingFor = events
        return 0
      },
      ref: () => this.calls.push('ref'),
      unref: () => this.calls.push('unref'),
      report: (error) => {
        throw error
      },
      outside: (run) => run(),
    }
    return new Proxy({} as Addon, {
      get: (_target, property) =>
        watching[property as Watching] ?? ((...args: never[]) => this.#call(property as Call, args)),
    })
  }

  #call(call: Call, args: never[]): number {
    if (call === 'close' && args[0] === this.#watched && args[1] === this.#target) {
      this.watchClosed = true
      return 0
    }
    this.calls.push(call)
    const step = this.#scripts.get(call)?.shift()
    if (step === undefined) {
      if (call === 'slab') return Buffer.alloc(Number(args[0])) as never
      if (call === 'close') {
        this.closed.push(Number(args[0]))
        return 0
      }
      if (call === 'release') return 0
      // An error names the peer, where there is one.
      if (call === 'getpeername') return ENOTCONN
      throw new Error(`no script for ${call}`)
    }
    return typeof step === 'number' ? step : step(...args)
  }
}

export interface TestAddress extends AddressBase {
  readonly bytes: number
}

/** The kind of a made-up scheme, whose addresses are one byte behind the family. */
export function testKind(facts: Partial<SchemeFacts> = {}): SocketKind<TestAddress> {
  const address = (bytes: number): TestAddress => ({ family: 'test', scheme: 'test', bytes })
  return {
    scheme: 'test',
    domain: 1,
    endsWithReset: false,
    finishesConnect: false,
    closesOnceSent: false,
    facts: {
      kind: 'stream',
      socket: 'AF_TEST',
      connected: true,
      reliable: true,
      ordered: true,
      boundaries: false,
      halfClose: true,
      ...facts,
    },
    encode: ({ bytes }) => Uint8Array.of(1, 0, bytes),
    decode: (name) => (name.length > 2 ? address(name[2] as number) : undefined),
    format: ({ bytes }) => `test:${bytes}`,
    option: () => undefined,
    optionNames: () => [],
    destinations: (to) => [to],
  }
}

export const testAddress: TestAddress = { family: 'test', scheme: 'test', bytes: 7 }
