import { existsSync } from 'node:fs'
import { beforeAll, describe, expect } from 'vitest'
import { connect, type Listener, listen, type StreamEndpoint, socketpair, takeOver } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { type Child, startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'

const test = given(scheme('unix'))

beforeAll(buildOnce, 120_000)

const party = new URL('scripts/party.mjs', import.meta.url)
const busyTaker = new URL('scripts/busy-taker.mjs', import.meta.url)

interface Outcome {
  readonly is: string
  readonly code?: string
}

interface Stop {
  readonly who: 'giver' | 'taker'
  readonly stage: string
  readonly signal: 'SIGKILL' | 'SIGSTOP'
}

class Parties implements AsyncDisposable {
  readonly giver: Child
  readonly #start: (timeout: number) => Child
  #taker: Child | undefined

  constructor(directory: TemporaryDirectory, { who, stage, signal }: Stop, timeout: number) {
    const start = (role: string, limit: number): Child => {
      const at = role === who ? stage : 'never'
      const args = [role, directory.file('service'), directory.file('control'), at, signal, String(limit)]
      return startNode(party, args)
    }
    this.giver = start('giver', timeout)
    this.#start = (limit) => start('taker', limit)
  }

  async taker(timeout: number): Promise<Child> {
    expect(await this.giver.report<Outcome>()).toEqual({ is: 'ready' })
    this.#taker = this.#start(timeout)
    return this.#taker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.giver, this.#taker]) await child?.[Symbol.asyncDispose]()
  }
}

/** Who answers at the service: each name that does, of many connections. */
async function servers(path: string): Promise<string[]> {
  const names = new Set<string>()
  for (let count = 0; count < 8; count++) {
    const client = (await connect(`unix:${path}`, { timeout: 5000 })) as StreamEndpoint
    let name = ''
    for await (const chunk of client) name += chunk
    names.add(name)
  }
  return [...names]
}

describe('one process is killed, and the other has the socket', () => {
  const kills: [Stop['who'], string, string][] = [
    ['giver', 'before left', 'took'],
    ['giver', 'after offer', 'took'],
    ['taker', 'before ask', 'kept'],
    ['taker', 'after ask', 'kept'],
    ['taker', 'before taken', 'kept'],
  ]
  for (const [who, stage, outcome] of kills) {
    test(`the ${who}, ${stage}`, async () => {
      await using directory = await temporaryDirectory()
      await using parties = new Parties(directory, { who, stage, signal: 'SIGKILL' }, 10_000)
      const taker = await parties.taker(10_000)
      const survivor = who === 'giver' ? taker : parties.giver
      expect(await survivor.report<Outcome>()).toMatchObject({ is: outcome })
      expect(await servers(directory.file('service'))).toEqual([who === 'giver' ? 'taker' : 'giver'])
    })
  }

  test('the giver, before it has offered anything: there is nothing to take', async () => {
    await using directory = await temporaryDirectory()
    await using parties = new Parties(directory, { who: 'giver', stage: 'before offer', signal: 'SIGKILL' }, 10_000)
    const taker = await parties.taker(10_000)
    expect(await taker.report<Outcome>()).toEqual({ is: 'failed', code: 'ECONNRESET' })
  })
})

describe('one process stands still, the other runs out of time, and one of them has the socket', () => {
  const stops: [Stop['who'], string][] = [
    ['giver', 'before offer'],
    ['giver', 'after offer'],
    ['giver', 'before left'],
    ['taker', 'before ask'],
    ['taker', 'after ask'],
    ['taker', 'before taken'],
    ['taker', 'after taken'],
  ]
  for (const [who, stage] of stops) {
    for (const [limit, isLong] of [
      [300, false],
      [10_000, true],
    ] as const) {
      test(`the ${who}, ${stage}, which has ${limit} ms itself`, async () => {
        await using directory = await temporaryDirectory()
        await using parties = new Parties(
          directory,
          { who, stage, signal: 'SIGSTOP' },
          who === 'giver' && isLong ? limit : 300,
        )
        const taker = await parties.taker(who === 'taker' && isLong ? limit : 300)
        const [stopped, running] = who === 'giver' ? [parties.giver, taker] : [taker, parties.giver]
        const first = await running.report<Outcome>()
        // It may come to the stage only now.
        const going = setInterval(() => stopped.kill('SIGCONT'), 20)
        const second = await stopped.report<Outcome>().finally(() => clearInterval(going))
        const [gave, took] = who === 'giver' ? [second, first] : [first, second]
        expect([`${gave.is} ${took.is}`]).toContain(gave.is === 'gave' ? 'gave took' : 'kept failed')
        expect(await servers(directory.file('service'))).toEqual([gave.is === 'gave' ? 'taker' : 'giver'])
      })
    }
  }
})

test('both run out of time at once, with loops that are busy: one of them has the socket', async () => {
  await using directory = await temporaryDirectory()
  const timeout = 4
  await using control = await listen(`unix:${directory.file('control')}`)
  await using taker = startNode(busyTaker, [directory.file('control'), String(timeout)])
  expect(await taker.report<Outcome>()).toEqual({ is: 'ready' })
  const outcomes = new Set<string>()
  for (let round = 0; round < 400; round++) {
    const listener = await listen(`unix:@one-owner-${process.pid}-${round}`)
    taker.tell('go')
    const ours = (await control.accept()) as StreamEndpoint
    ours.on('error', () => undefined)
    const spin = setInterval(() => {
      const end = performance.now() + Math.random() * 3
      while (performance.now() < end);
    }, 1)
    const gave = await listener.handOver(ours, { timeout }).then(
      () => 'gave',
      () => 'kept',
    )
    clearInterval(spin)
    outcomes.add(`${gave} ${(await taker.report<Outcome>()).is}`)
    expect(listener.closed).toBe(gave === 'gave')
    await listener.close()
    ours.destroy()
  }
  for (const outcome of outcomes) expect(['gave took', 'kept failed']).toContain(outcome)
}, 60_000)

test('a listener that is closed when the other process has taken it leaves it its file', async () => {
  await using directory = await temporaryDirectory()
  const listener = (await listen(`unix:${directory.file('here')}`)) as Listener<StreamEndpoint>
  const [ours, theirs] = socketpair('unix')
  const given = listener.handOver(ours)
  const write = theirs.write.bind(theirs)
  // The frame that says so does not go out before the listener is closed.
  theirs.write = ((frame: Buffer, done: () => void) => {
    if (frame[1] !== 3) return write(frame, done)
    void listener.close().then(() => write(frame, done))
    return true
  }) as typeof theirs.write
  const taken = await takeOver(theirs)
  await given
  expect(existsSync(directory.file('here'))).toBe(true)
  await taken.close()
  expect(existsSync(directory.file('here'))).toBe(false)
  for (const end of [ours, theirs]) end.destroy()
})
