import { describe, expect, test } from 'vitest'
import type { Case } from '../../src/cli/compare/cases.ts'
import { makePlan, type Plan, UNDISTURBED } from '../../src/cli/compare/plan.ts'
import type { LinkFaults, Outcome } from '../../src/cli/compare/result.ts'
import { runCase } from '../../src/cli/compare/run-case.ts'
import { verdict } from '../../src/cli/compare/verdict.ts'
import {
  type AddressFamily,
  createSockets,
  type Faults,
  type Message,
  memoryLink,
  type SchemeFacts,
} from '../../src/index.ts'
import { broken, datagramFault, type Fault, streamFault } from '../conformance/broken.ts'
import { builtin } from '../conformance/run.ts'

/** Long enough for a machine that stands still for a second; what is never told takes as long. */
const PATIENCE = 2500
/** For a whole scheme, which takes some seconds: a machine that stands still every now and then takes many more. */
const LIMIT = 50_000
const SIZE = 200

/** The scheme `memory` or `memorygram` with a fault in it, measured. */
async function outcomeOf(scheme: string, fault: Fault, faults: Faults = {}, limit: number = LIMIT): Promise<Outcome> {
  const family = broken(builtin('memory'), fault)
  const sockets = createSockets([family])
  const facts = family.schemes[scheme]
  if (facts === undefined) throw new Error(`no ${scheme}`)
  const tried: Case = {
    scheme,
    facts,
    disturbed: 'memory faults',
    address: () => sockets.formatAddress(family.ephemeral(scheme) ?? `${scheme}:test`),
    options: { faults },
    isRadio: false,
  }
  const plan: Plan = {
    ...makePlan({ messages: 60, size: SIZE, interval: 1 }, { ...UNDISTURBED, ...(faults as Partial<LinkFaults>) }),
    patience: PATIENCE,
  }
  const signal = new AbortController().signal
  return runCase(sockets, tried, plan, { signal, limit })
}

/** The facts that what was measured does not agree with, and that this makes the command fail. */
async function disagreeing(scheme: string, fault: Fault, faults: Faults = {}): Promise<string[]> {
  const outcome = await outcomeOf(scheme, fault, faults)
  if (!('agreements' in outcome)) throw new Error(`it broke down: ${outcome.reason}`)
  const facts = outcome.agreements.filter(({ agrees }) => !agrees).map(({ fact }) => fact)
  expect(verdict([outcome], false)).toBe(facts.length > 0 ? 1 : 0)
  return facts
}

/** The family, and all that it opens, declares something else of a scheme. */
function claiming(scheme: string, claim: Partial<SchemeFacts>): Fault {
  const claimed = (facts: SchemeFacts): SchemeFacts => ({ ...facts, ...claim })
  return {
    stream: ({ facts }) => ({ facts: claimed(facts) }),
    datagram: ({ facts }) => ({ facts: claimed(facts) }),
    listener: ({ facts }) => ({ facts: claimed(facts) }),
    family: ({ schemes }: AddressFamily) => ({
      schemes: { ...schemes, [scheme]: claimed(schemes[scheme] as SchemeFacts) },
    }),
  }
}

/** Each message in two halves, but for those of the delivery, which would be damaged. */
const splitting = datagramFault(({ onMessages }) => ({
  onMessages: (batch) => {
    const halves = (message: Message): Message[] => {
      const { data } = message
      if (data.length === SIZE || data.length < 2) return [message]
      return [data.subarray(0, data.length / 2), data.subarray(data.length / 2)].map((half) => ({
        ...message,
        data: half,
      }))
    }
    onMessages(batch.flatMap(halves))
  },
}))

/** A message of the delivery with its length before it. */
const FRAME = SIZE + 4

/** Of two messages the second comes first. */
const swapping = streamFault(({ onData }) => {
  let held: Buffer | undefined
  return {
    onData: (chunk) => {
      if (chunk.length !== FRAME) return onData(chunk)
      const [first, second] = [held, Buffer.from(chunk)]
      held = first === undefined ? second : undefined
      if (first === undefined) return
      onData(second)
      onData(first)
    },
  }
})

const doubling = streamFault(({ onData }) => ({
  onData: (chunk) => {
    const copy = Buffer.from(chunk)
    onData(chunk)
    if (copy.length === FRAME) onData(copy)
  },
}))

const misnaming: Fault = {
  datagram: (handle) => ({
    send: (messages, from) => {
      const length = messages[from]?.data.length ?? 0
      if (length > (handle.facts.maxMessage ?? 0)) throw Object.assign(new Error('no'), { code: 'EINVAL' })
      return handle.send(messages, from)
    },
  }),
}

describe('each fact that is declared and not kept is found out', () => {
  test.concurrent.each<[what: string, fact: string, scheme: string, fault: Fault, faults?: Faults]>([
    ['a stream that calls itself datagrams', 'kind', 'memory', claiming('memory', { kind: 'datagram' })],
    [
      'a connection whose end nobody is told of',
      'connected',
      'memory',
      streamFault(() => ({ onEnd: () => undefined })),
    ],
    ['messages that are lost', 'reliable', 'memorygram', claiming('memorygram', { reliable: true }), { loss: 0.2 }],
    [
      'messages that come twice',
      'reliable',
      'memorygram',
      claiming('memorygram', { reliable: true }),
      { duplicate: 0.3 },
    ],
    [
      'messages that overtake others',
      'ordered',
      'memorygram',
      claiming('memorygram', { ordered: true }),
      { reorder: 0.2, delay: 10 },
    ],
    ['messages that come in parts', 'boundaries', 'memorygram', splitting],
    ['a stream that says it keeps boundaries', 'boundaries', 'memory', claiming('memory', { boundaries: true })],
    [
      'messages whose boundaries it says it loses',
      'boundaries',
      'memorygram',
      claiming('memorygram', { boundaries: false }),
    ],
    ['a stream whose parts overtake others', 'ordered', 'memory', swapping],
    ['a stream whose parts come twice', 'reliable', 'memory', doubling],
    [
      'a half close that breaks the connection',
      'halfClose',
      'memory',
      streamFault(({ onEnd, onError }) => ({
        onEnd: () => {
          onEnd()
          setImmediate(() => onError(Object.assign(new Error('gone'), { code: 'ECONNRESET' })))
        },
      })),
    ],
    ['a half close that it says it has not', 'halfClose', 'memory', claiming('memory', { halfClose: false })],
    ['messages longer than the longest', 'maxMessage', 'memorygram', claiming('memorygram', { maxMessage: 1000 })],
    ['messages too long that are refused as something else', 'maxMessage', 'memorygram', misnaming],
    ['a longest message that is refused', 'maxMessage', 'memorygram', claiming('memorygram', { maxMessage: 70_000 })],
    [
      'a longest message that loses its end',
      'maxMessage',
      'memorygram',
      datagramFault(({ onMessages }) => ({
        onMessages: (batch) => onMessages(batch.map((each) => ({ ...each, data: each.data.subarray(0, 60_000) }))),
      })),
    ],
  ])(
    '%s: %s',
    async (_, fact, scheme, fault, faults) => {
      expect(await disagreeing(scheme, fault, faults)).toContain(fact)
    },
    60_000,
  )

  test.concurrent('a copy of the last message, when everything has come: reliable', async () => {
    const claim = claiming('memorygram', { reliable: true })
    const echoing = datagramFault(({ onMessages }) => ({
      onMessages: (batch) => {
        onMessages(batch)
        const last = batch.filter(({ data }) => data.length === SIZE && data.readUInt32BE() === 59)
        if (last.length > 0) setTimeout(() => onMessages(last.slice(0, 1)), 40)
      },
    }))
    const fault: Fault = {
      ...claim,
      datagram: (handle) => ({ ...claim.datagram?.(handle), ...echoing.datagram?.(handle) }),
    }
    expect(await disagreeing('memorygram', fault)).toEqual(['reliable'])
  }, 60_000)

  test.concurrent('a datagram socket that is told when its peer closes: connected', async () => {
    const telling = datagramFault(({ onEnd }) => {
      setTimeout(onEnd, 200)
      return {}
    })
    expect(await disagreeing('memorygram', telling)).toContain('connected')
  }, 60_000)

  test.concurrent.each(['memory', 'memorygram'])(
    '%s without a fault agrees, through the same wrapper',
    async (scheme) => {
      expect(await disagreeing(scheme, {}, { loss: 0.1, duplicate: 0.1, reorder: 0.1, delay: 5 })).toEqual([])
    },
    60_000,
  )
})

describe('a scheme that breaks down is a row of its own, and the command fails', () => {
  async function reason(scheme: string, fault: Fault, limit?: number): Promise<string> {
    const outcome = await outcomeOf(scheme, fault, {}, limit)
    if (!('failed' in outcome)) throw new Error('it did not break down')
    expect(verdict([outcome], false)).toBe(1)
    expect(outcome.remedy).not.toBe('')
    return outcome.reason
  }

  test('a byte that changes on the way', async () => {
    const turning = streamFault(({ onData }) => ({
      onData: (chunk) => {
        chunk.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1)
        onData(chunk)
      },
    }))
    expect(await reason('memory', turning)).toMatch(/a message arrived damaged/)
  }, 30_000)

  test('a byte that is lost', async () => {
    const losing = streamFault(({ onData }) => ({ onData: (chunk) => onData(chunk.subarray(1)) }))
    expect(await reason('memory', losing)).toMatch(/a message arrived damaged/)
  }, 30_000)

  test('a message that loses its end', async () => {
    const cutting = datagramFault(({ onMessages }) => ({
      onMessages: (batch) => onMessages(batch.map((each) => ({ ...each, data: each.data.subarray(0, 199) }))),
    }))
    expect(await reason('memorygram', cutting)).toMatch(/199 bytes, and was sent with 200/)
  }, 30_000)

  test('a link that nobody disturbs, and that lets nothing through', async () => {
    const swallowing = datagramFault(() => ({ onMessages: () => undefined }))
    expect(await reason('memorygram', swallowing)).toBe('none of 60 messages came')
  }, 30_000)

  test('a write that is never done', async () => {
    const forgetting: Fault = { datagram: () => ({ send: () => 0 }) }
    expect(await reason('memorygram', forgetting, 3000)).toBe('not finished after 3 s')
  }, 30_000)

  test('a plan for months is not over at once', async () => {
    const stop = new AbortController()
    const family = builtin('memory')
    const tried: Case = {
      scheme: 'memorygram',
      facts: family.schemes.memorygram as SchemeFacts,
      disturbed: 'nothing',
      address: () => 'memorygram:compare-months',
      options: {},
      isRadio: false,
    }
    const plan = makePlan({ messages: 1_000_000, size: SIZE, interval: 60_000 }, UNDISTURBED)
    const onSent = (): void => void setTimeout(() => stop.abort(new Error('seen enough')), 200)
    await expect(runCase(createSockets([family]), tried, plan, { signal: stop.signal, onSent })).rejects.toThrow(
      'seen enough',
    )
  }, 30_000)

  test('a connection that is cut in the middle', async () => {
    const family = builtin('memory')
    const sockets = createSockets([family])
    const address = 'memory:compare-cut'
    const tried: Case = {
      scheme: 'memory',
      facts: family.schemes.memory as SchemeFacts,
      disturbed: 'memory faults',
      address: () => address,
      options: {},
      isRadio: false,
    }
    const plan = makePlan({ messages: 60, size: SIZE, interval: 1 }, UNDISTURBED)
    const outcome = await runCase(sockets, tried, plan, {
      signal: new AbortController().signal,
      onSent: (sent) => {
        if (sent === 20) memoryLink(address).cut()
      },
    })
    expect(outcome).toMatchObject({ failed: true, reason: expect.stringMatching(/ECONNRESET|EPIPE/) })
  }, 30_000)

  test('no address to listen at', async () => {
    const full: Fault = {
      family: () => ({ listen: () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' })) }),
    }
    expect(await reason('memory', full)).toMatch(/EACCES/)
  }, 30_000)
})
