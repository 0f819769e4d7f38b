import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Address,
  connect,
  type DatagramEndpoint,
  type Listener,
  listen,
  type RfcommAddress,
  type SocketError,
  type StreamEndpoint,
} from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { randomChunks, receiveAll, sendRandom } from '../support/bytes.ts'
import { Child } from '../support/child.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type Controller, restartControllers, startPeer } from './support.ts'

/** Fresh ones: other tests leave theirs with links open between them. */
const [far, near] = restartControllers(2) as [Controller, Controller]
const from = { local: `rfcomm://${near.address}/0` }
const messagesFrom = { local: `l2cap://${near.address}/0` }
const stranger = '00:AA:01:7F:00:7F'

const rfcomm = (channel: number): string => `rfcomm://${far.address}/${channel}`
const l2cap = (psm: number): string => `l2cap://${far.address}/0x${psm.toString(16)}`

interface Refusal {
  readonly code?: string
  readonly syscall?: string
  readonly name: string
  readonly milliseconds: number
}

/** The error of a promise that must fail, and how long it took. */
async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  const started = performance.now()
  try {
    await attempt
  } catch (error) {
    const { code, syscall, name } = error as SocketError
    return {
      name,
      ...(code !== undefined && { code }),
      ...(syscall !== undefined && { syscall }),
      milliseconds: Math.round(performance.now() - started),
    }
  }
  throw new Error('it did not fail')
}

/** How an endpoint ends: the code of its error, or `closed`. */
async function fate(endpoint: StreamEndpoint): Promise<string> {
  endpoint.resume()
  return finished(endpoint).then(
    () => 'closed',
    (error: SocketError) => error.code,
  )
}

const listeners = new Set<Listener>()

/** Listens, and a test that fails leaves no listener: a channel that stays taken would fail its second try, and other tests. */
async function listenHere(address: string): Promise<Listener> {
  const listener = await listen(address)
  listeners.add(listener)
  return listener
}

async function pair(): Promise<{ ours: StreamEndpoint; theirs: StreamEndpoint; listener: Listener<StreamEndpoint> }> {
  const listener = (await listenHere(rfcomm(0))) as Listener<StreamEndpoint>
  const accepted = listener.accept({ timeout: 10_000 })
  const ours = (await connect(listener.address as RfcommAddress, { ...from, timeout: 10_000 })) as StreamEndpoint
  return { ours, theirs: await accepted, listener }
}

async function messagePair(): Promise<{ ours: DatagramEndpoint; theirs: DatagramEndpoint; listener: Listener }> {
  const listener = await listenHere(l2cap(0))
  const accepted = listener.accept({ timeout: 10_000 })
  const ours = (await connect(listener.address as Address, { ...messagesFrom, timeout: 10_000 })) as DatagramEndpoint
  return { ours, theirs: (await accepted) as unknown as DatagramEndpoint, listener }
}

function hciconfig(...args: string[]): void {
  execFileSync('hciconfig', args)
}

function signalControllers(signal: 'STOP' | 'CONT' | 'KILL'): void {
  execFileSync('pkill', [`-${signal}`, '-x', 'btvirt'])
}

let before = 0
beforeAll(async () => {
  // What is loaded on first use stays open.
  const { ours, theirs, listener } = await pair()
  ours.destroy()
  theirs.destroy()
  await listener.close()
  // As does what the first child process needs.
  await new Child('true', []).exited
})
beforeEach(() => {
  before = openDescriptors()
})
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await Promise.all([...listeners].map((listener) => listener.close()))
  listeners.clear()
  await expect.poll(openDescriptors, { timeout: 5000 }).toBe(before)
})

describe('addresses that cannot be', () => {
  const junk = [
    ...['', 'zz', '00:11:22:33:44', '00:11:22:33:44:55:66', '00:11:22:33:44:5G', '001122334455', '127.0.0.1'].map(
      (device) => `rfcomm://${device}/1`,
    ),
    ...['', '-1', '31', '256', '1.5', '0x1', '1e1', '99999999999999999999', 'no-service', '1/2', '1?x=1'].map(
      (channel) => `rfcomm://${stranger}/${channel}`,
    ),
    ...['rfcomm:', 'rfcomm://', `rfcomm:${stranger}`, `rfcomm:/${stranger}/1`],
    ...['', '-1', '0x1000', '0x1002', '0x1101', '0x10001', 'zz', '1.5'].map((psm) => `l2cap://${stranger}/${psm}`),
    `l2cap://${stranger}`,
    `l2cap://${stranger}/0x1001?type=le`,
    `l2cap://${stranger}/0x1001?type=le-public`,
    `l2cap://${stranger}/0x81?type=le-public&type=le-public`,
    `l2cap://${stranger}/0x1001?cid=4`,
    `l2cap://${stranger}/0x1001?psm=1`,
  ]
  test('in text', async () => {
    for (const address of junk) {
      for (const open of [connect, listen]) {
        const { milliseconds: _, ...error } = await refusal(open(address as `rfcomm://${string}`))
        expect([address, error]).toEqual([address, { code: 'ERR_ADDRESS_INVALID', name: 'SocketError' }])
        expect(openDescriptors()).toBe(before)
      }
    }
  })

  test('as objects', async () => {
    const parts = [
      ...[Number.NaN, '3', null, 2 ** 32 + 1, -0.5, 31].map((channel) => ({ scheme: 'rfcomm', channel })),
      { scheme: 'rfcomm' },
      { scheme: 'rfcomm', channel: 1, service: 'spp' },
      ...[Number.NaN, '0x1001', 2, 65_536].map((psm) => ({ scheme: 'l2cap', psm })),
      { scheme: 'l2cap', psm: 0x1001, type: 'random' },
      { scheme: 'l2cap', psm: 1, cid: 4 },
    ]
    for (const each of parts) {
      const address = { family: 'bluetooth', bdaddr: stranger, ...each } as unknown as RfcommAddress
      for (const open of [connect, listen]) {
        const { code } = await refusal(open(address))
        expect([each, code]).toEqual([each, 'ERR_ADDRESS_INVALID'])
      }
    }
  })

  test.each([`rfcomm://${stranger}/0`, 'rfcomm://any/1', `l2cap://${stranger}/0`, 'l2cap://any/0x1001'])(
    '%s is none to connect to',
    async (address) => {
      expect(await refusal(connect(address as `rfcomm://${string}`))).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
    },
  )

  test('options that cannot be', async () => {
    const attempts = [
      [connect(rfcomm(1), { security: 'highest' as 'high' }), 'ERR_INVALID_ARG_VALUE'],
      [connect(l2cap(0x1001), { receiveMtu: 70_000 }), 'ERR_OUT_OF_RANGE'],
      [connect(l2cap(0x1001), { receiveMtu: -1 }), 'ERR_OUT_OF_RANGE'],
      [listen(l2cap(0), { receiveMtu: '672' as unknown as number }), 'ERR_INVALID_ARG_TYPE'],
    ] as const
    for (const [attempt, code] of attempts) expect((await refusal(attempt)).code).toBe(code)
    expect(await refusal(connect(rfcomm(1), { receiveMtu: 1000 }))).toMatchObject({ code: 'ERR_OPTION_UNKNOWN' })
    // 48 is the least that the specification allows.
    expect(await refusal(connect(l2cap(0x1001), { receiveMtu: 40 }))).toMatchObject({ code: 'EINVAL' })
  })
})

describe('nobody there', () => {
  test.each([
    ['rfcomm', `rfcomm://${stranger}/3`, from],
    ['l2cap', `l2cap://${stranger}/0x1001`, messagesFrom],
  ] as const)('%s: a device that does not answer is EHOSTDOWN', async (_scheme, address, local) => {
    const { milliseconds, ...error } = await refusal(connect(address as `rfcomm://${string}`, local))
    expect(error).toEqual({ code: 'EHOSTDOWN', syscall: 'connect', name: 'SocketError' })
    expect(milliseconds).toBeLessThan(2000)
  })

  test('a device that is not connectable is as good as none', async () => {
    hciconfig(far.id, 'noscan')
    // The link of an earlier connection stays for two seconds, and would do.
    expect(
      await eventually(() => !execFileSync('hcitool', ['-i', near.id, 'con'], { encoding: 'utf8' }).includes('ACL')),
    ).toBe(true)
    expect(await refusal(connect(rfcomm(3), from))).toMatchObject({ code: 'EHOSTDOWN', syscall: 'connect' })
    hciconfig(far.id, 'piscan')
    expect(await refusal(connect(rfcomm(3), from))).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test.each([
    ['channel', rfcomm(29), from],
    ['PSM', l2cap(0x1ef1), messagesFrom],
  ] as const)('a %s that nobody listens on is ECONNREFUSED, within a second or so', async (_what, address, local) => {
    for (let round = 0; round < 5; round++) {
      const { milliseconds, ...error } = await refusal(connect(address as `rfcomm://${string}`, local))
      expect(error).toEqual({ code: 'ECONNREFUSED', syscall: 'connect', name: 'SocketError' })
      expect(milliseconds).toBeLessThan(1500)
    }
  })

  test.each([
    ['that we name', from],
    ['that the kernel chooses', {}],
  ])('a server that closes what it accepts is met once, from the adapter %s', async (_which, local) => {
    await using listener = await listenHere(rfcomm(0))
    let met = 0
    listener.on('connection', (peer) => {
      met++
      ;(peer as StreamEndpoint).destroy()
    })
    const connecting = connect(listener.address as RfcommAddress, local)
    // Which of the two it is depends on whether we learn of the connection before it ends.
    const end = await connecting.then(fate, ({ code }: SocketError) => code)
    expect(['closed', 'ECONNRESET']).toContain(end)
    await sleep(500)
    expect(met).toBe(1)
  })

  test('our own adapter reaches no server of its own', async () => {
    const listener = await listenHere(rfcomm(0))
    const error = await refusal(connect(listener.address as RfcommAddress, { local: `rfcomm://${far.address}/0` }))
    expect(['ECONNREFUSED', 'EHOSTUNREACH']).toContain(error.code)
    expect(error.milliseconds).toBeLessThan(1500)
    await listener.close()
  })

  test('a listener that closes refuses whoever comes next', async () => {
    const listener = await listenHere(rfcomm(0))
    const { address } = listener
    await listener.close()
    expect(await refusal(connect(address as RfcommAddress, from))).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('our own adapter', () => {
  // The emulation does not tell the other side that one is down, nor does it take part in what comes after.
  afterEach(() => restartControllers(2))

  test.each([
    ['rfcomm', `rfcomm://${stranger}/0`, rfcomm(3)],
    ['l2cap', `l2cap://${stranger}/0`, l2cap(0x1001)],
  ] as const)('%s: one that is not there is EHOSTUNREACH, at once', async (_scheme, local, address) => {
    const error = await refusal(connect(address as `rfcomm://${string}`, { local }))
    expect(error).toMatchObject({ code: 'EHOSTUNREACH', syscall: 'connect' })
    expect(error.milliseconds).toBeLessThan(500)
  })

  test('one that is down is EHOSTUNREACH, until it is up again', async () => {
    const listener = await listenHere(rfcomm(0))
    const address = listener.address as RfcommAddress
    hciconfig(near.id, 'down')
    const error = await refusal(connect(address, from))
    expect(error).toMatchObject({ code: 'EHOSTUNREACH', syscall: 'connect' })
    expect(error.milliseconds).toBeLessThan(500)
    restartControllers(2)
    const endpoint = await connect(address, { ...from, timeout: 10_000 })
    endpoint.destroy()
    await listener.close()
  })

  test('rfcomm: one that goes down ends the connection with ECONNABORTED, in reading and in writing', async () => {
    const { ours, theirs, listener } = await pair()
    const idle = fate(ours)
    const started = performance.now()
    hciconfig(near.id, 'down')
    expect(await idle).toBe('ECONNABORTED')
    expect(performance.now() - started).toBeLessThan(3000)
    expect(ours.destroyed).toBe(true)
    theirs.destroy()
    await listener.close()
  })

  test('rfcomm: one that goes down in the middle of a write ends that too, and its callback is told', async () => {
    const { ours, theirs, listener } = await pair()
    theirs.pause()
    // More than the two kernels have room for.
    const written = new Promise<Error | null | undefined>((resolve) => ours.write(Buffer.alloc(1_000_000), resolve))
    const end = fate(ours)
    await sleep(300)
    hciconfig(near.id, 'down')
    const error = (await written) as SocketError
    expect(['ECONNABORTED', 'ENOTCONN', 'EPIPE']).toContain(error.code)
    expect(await end).toBe(error.code)
    theirs.destroy()
    await listener.close()
  })

  test('l2cap: one that goes down fails whoever receives, and whoever sends', async () => {
    const { ours, theirs, listener } = await messagePair()
    const receiving = refusal(ours.receive())
    hciconfig(near.id, 'down')
    expect((await receiving).code).toMatch(/^(ECONNABORTED|ENOTCONN|ECONNRESET)$/)
    expect((await refusal(ours.send('into the void'))).code).toMatch(/^(ENOTCONN|ERR_SOCKET_CLOSED|EPIPE)$/)
    await ours.close()
    await theirs.close()
    await listener.close()
  })

  test('all that go away end both sides, and the listener goes on with the next ones', async () => {
    const { ours, theirs, listener } = await pair()
    const fates = Promise.all([fate(ours), fate(theirs)])
    signalControllers('KILL')
    expect(await fates).toEqual(['ECONNABORTED', 'ECONNABORTED'])
    expect(listener.closed).toBe(false)
    restartControllers(2)
    const accepted = listener.accept({ timeout: 10_000 })
    const again = await connect(listener.address as RfcommAddress, { ...from, timeout: 10_000 })
    again.destroy()
    ;(await accepted).destroy()
    await listener.close()
  })
})

describe('a peer that falls silent', () => {
  afterEach(() => signalControllers('CONT'))

  test("in the middle of a stream: the writer is held up, the endpoint's own timeout tells, destroy() is at once", async () => {
    const { ours, theirs, listener } = await pair()
    ours.write(Buffer.alloc(1_000_000))
    await once(theirs, 'data')
    signalControllers('STOP')
    const started = performance.now()
    ours.setTimeout(500)
    await once(ours, 'timeout')
    expect(performance.now() - started).toBeLessThan(3000)
    ours.destroy()
    await once(ours, 'close')
    signalControllers('CONT')
    expect(await fate(theirs)).toBe('closed')
    await listener.close()
  })

  test('for a while, and then goes on: not a byte is lost', async () => {
    const { ours, theirs, listener } = await pair()
    const received = receiveAll(theirs)
    const sent = sendRandom(ours, 500_000)
    await sleep(300)
    signalControllers('STOP')
    await sleep(1500)
    signalControllers('CONT')
    expect(await received).toEqual(await sent)
    await listener.close()
  })

  test('while we connect: the timeout is ETIMEDOUT, an abort an AbortError, at once, and the next connect works', async () => {
    const listener = await listenHere(rfcomm(0))
    const address = listener.address as RfcommAddress
    listener.on('connection', (peer) => (peer as StreamEndpoint).on('error', () => undefined).resume())
    signalControllers('STOP')
    const timedOut = await refusal(connect(address, { ...from, timeout: 300 }))
    expect(timedOut).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
    expect(timedOut.milliseconds).toBeLessThan(1500)
    const controller = new AbortController()
    const aborted = refusal(connect(l2cap(0x1001), { ...messagesFrom, signal: controller.signal }))
    await sleep(100)
    controller.abort(new Error('enough'))
    const stopped = performance.now()
    expect(await aborted).toMatchObject({ name: 'AbortError' })
    expect(performance.now() - stopped).toBeLessThan(500)
    signalControllers('CONT')
    const endpoint = await connect(address, { ...from, timeout: 10_000 })
    endpoint.destroy()
    await eventually(() => listener.connections === 0)
    await listener.close()
  })
})

describe('a connect that is given up', () => {
  test('before it begins', async () => {
    const error = await refusal(connect(rfcomm(3), { ...from, signal: AbortSignal.abort() }))
    expect(error).toMatchObject({ name: 'AbortError' })
  })

  test('after 0 to 60 ms: each ends at once, and the one after it works', async () => {
    const listener = await listenHere(rfcomm(0))
    listener.on('connection', (peer) => (peer as StreamEndpoint).on('error', () => undefined).resume())
    const address = listener.address as RfcommAddress
    const outcomes = new Set<string>()
    for (const delay of [0, 1, 2, 5, 10, 15, 20, 30, 40, 60]) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), delay)
      const attempt = connect(address, { ...from, signal: controller.signal })
      const outcome = await attempt.then(
        (endpoint) => {
          endpoint.destroy()
          return 'connected'
        },
        (error: Error) => error.name,
      )
      outcomes.add(outcome)
      const next = (await connect(address, { ...from, timeout: 10_000 })) as StreamEndpoint
      next.end('still good')
      expect(await fate(next)).toBe('closed')
    }
    expect(outcomes).toContain('AbortError')
    expect([...outcomes].filter((outcome) => outcome !== 'AbortError' && outcome !== 'connected')).toEqual([])
    await eventually(() => listener.connections === 0)
    await listener.close()
  })

  test('l2cap, the same', async () => {
    const listener = await listenHere(l2cap(0))
    listener.on('connection', (peer) => {
      const endpoint = peer as unknown as DatagramEndpoint
      endpoint.on('message', () => undefined).on('end', () => void endpoint.close())
    })
    const address = listener.address as Address
    for (const delay of [0, 2, 5, 10, 20, 40]) {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), delay)
      await connect(address, { ...messagesFrom, signal: controller.signal }).then(
        (endpoint) => (endpoint as DatagramEndpoint).close(),
        (error: Error) => expect(error.name).toBe('AbortError'),
      )
      const next = (await connect(address, { ...messagesFrom, timeout: 10_000 })) as DatagramEndpoint
      await next.send('still good')
      await next.close()
    }
    await eventually(() => listener.connections === 0)
    await listener.close()
  })
})

describe('one connection on one channel', () => {
  test('the second is refused with EBUSY after a second of trying', async () => {
    const { ours, theirs, listener } = await pair()
    const error = await refusal(connect(listener.address as RfcommAddress, from))
    expect(error).toMatchObject({ code: 'EBUSY', syscall: 'connect' })
    expect(error.milliseconds).toBeGreaterThan(800)
    expect(error.milliseconds).toBeLessThan(3000)
    ours.destroy()
    theirs.destroy()
    await listener.close()
  })

  test('the second tries no longer than its own timeout', async () => {
    const { ours, theirs, listener } = await pair()
    const error = await refusal(connect(listener.address as RfcommAddress, { ...from, timeout: 200 }))
    expect(error).toMatchObject({ code: 'ETIMEDOUT' })
    expect(error.milliseconds).toBeLessThan(800)
    ours.destroy()
    theirs.destroy()
    await listener.close()
  })

  test('a connect right after the close succeeds, 20 times', async () => {
    const listener = await listenHere(rfcomm(0))
    listener.on('connection', (peer) => (peer as StreamEndpoint).on('error', () => undefined).resume())
    for (let round = 0; round < 20; round++) {
      const endpoint = await connect(listener.address as RfcommAddress, from)
      endpoint.destroy()
    }
    await eventually(() => listener.connections === 0)
    await listener.close()
  })

  test('two servers on one PSM: the second is told so', async () => {
    const listener = await listenHere(l2cap(0))
    const error = await refusal(listen(listener.address as Address))
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind' })
    await listener.close()
  })
})

describe('a peer that leaves', () => {
  test('killed in the middle of a stream: what it had sent arrives, then the end, and our write fails', async () => {
    const listener = (await listenHere(rfcomm(0))) as Listener<StreamEndpoint>
    const { channel: port } = listener.address as RfcommAddress
    const peer = startPeer({
      ...{ role: 'connect', scheme: 'rfcomm', local: near.address, remote: far.address },
      ...{ port: port as number, mode: 'hold' },
    })
    const endpoint = await listener.accept({ timeout: 20_000 })
    await peer.report()
    peer.kill('SIGKILL')
    await peer.exited
    const started = performance.now()
    const end = fate(endpoint)
    expect(await end).toBe('closed')
    expect(performance.now() - started).toBeLessThan(3000)
    expect([endpoint.destroyed, endpoint.fd]).toEqual([true, undefined])
    const failed = await new Promise<SocketError>((resolve) =>
      endpoint.write('too late', (error) => resolve(error as SocketError)),
    )
    expect(failed).toBeInstanceOf(Error)
    await listener.close()
  })

  test('one that does not read holds us up; when it goes, the write that waits is told', async () => {
    const { ours, theirs, listener } = await pair()
    theirs.pause()
    const written = new Promise<SocketError>((resolve) =>
      ours.write(Buffer.alloc(1_000_000), (error) => resolve(error as SocketError)),
    )
    const end = fate(ours)
    await sleep(300)
    theirs.destroy()
    const error = await written
    expect(error?.code).toMatch(
      /^(EPIPE|ECONNRESET|ENOTCONN|ERR_STREAM_DESTROYED|ERR_STREAM_PREMATURE_CLOSE|ERR_SOCKET_CLOSED)$/,
    )
    await end
    await listener.close()
  })

  test('what was written before end() arrives, though we destroy when it is finished', async () => {
    const { ours, theirs, listener } = await pair()
    const sent = await sendRandom(ours, 60_000)
    ours.destroy()
    await sleep(300)
    expect(await receiveAll(theirs)).toEqual(sent)
    await listener.close()
  })
})

describe('processes and threads', () => {
  beforeAll(buildOnce)

  const startProcess = (options: object, ...wrap: string[]): Child => {
    const script = new URL('peers/process.mjs', import.meta.url).pathname
    const [program, ...args] = [...wrap, process.execPath, script, JSON.stringify(options)]
    return new Child(program as string, args)
  }

  test('a user without privileges connects and listens, but not on the PSMs below 0x1001', async () => {
    const listener = await listenHere(rfcomm(0))
    listener.on('connection', (peer) => (peer as StreamEndpoint).on('error', () => undefined).write('welcome'))
    const options = {
      what: 'unprivileged',
      address: rfcomm((listener.address as RfcommAddress).channel as number),
      listen: `rfcomm://${near.address}/0`,
      refused: `l2cap://${near.address}/0x0003`,
    }
    await using child = startProcess(options, 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')
    expect(await child.report()).toEqual({ uid: 65_534, listens: true, refused: 'bind EACCES', answer: 'welcome' })
    await child.exited
    await eventually(() => listener.connections === 0)
    await listener.close()
  })

  test('a server without a descriptor left says EMFILE, and serves who waited when it has one', async () => {
    await using child = startProcess(
      { what: 'exhausted', listen: rfcomm(0) },
      ...['/bin/sh', '-c', 'ulimit -n 64 && exec "$0" "$@"'],
    )
    const { channel } = await child.report<{ channel: number }>()
    const endpoint = (await connect(rfcomm(channel), { ...from, timeout: 10_000 })) as StreamEndpoint
    endpoint.write('hello')
    expect(await child.report()).toEqual({ exhausted: 'EMFILE' })
    await sleep(300)
    child.tell('go on')
    expect(String(((await once(endpoint, 'data')) as [Buffer])[0])).toBe('hello')
    endpoint.destroy()
  })

  test('a worker that is terminated takes its connection with it: no descriptor stays, the peer sees the end', async () => {
    const listener = (await listenHere(rfcomm(0))) as Listener<StreamEndpoint>
    const first = listener.accept({ timeout: 60_000 })
    const second = listener.accept({ timeout: 60_000 })
    await using child = startProcess({
      what: 'worker',
      address: rfcomm((listener.address as RfcommAddress).channel as number),
    })
    const ends = [first, second].map(async (accepted) => fate(await accepted))
    expect(await child.report()).toEqual({ code: 'connected', left: 0 })
    expect(await Promise.all(ends)).toEqual(['closed', 'closed'])
    await listener.close()
  })
})

/** All of it: what was sent and acknowledged by a callback is what the peer counts. */
test('what a callback acknowledged before an orderly close has arrived', async () => {
  const { ours, theirs, listener } = await pair()
  const received = receiveAll(theirs)
  let acknowledged = 0
  for (const chunk of randomChunks(200_000)) {
    await new Promise<void>((resolve, reject) => ours.write(chunk, (error) => (error ? reject(error) : resolve())))
    acknowledged += chunk.length
  }
  ours.destroy()
  expect((await received).bytes).toBe(acknowledged)
  await listener.close()
})

describe('security above low', () => {
  // Whatever the kernel still waits for goes with its controller.
  afterEach(() => restartControllers(2))

  test('without bluetoothd nobody can pair: it fails, by our own timeout at the latest', async () => {
    // Over a link that is there already it takes longer.
    restartControllers(2)
    const listener = await listenHere(rfcomm(0))
    const options = { ...from, security: 'medium', timeout: 5000 } as const
    const error = await refusal(connect(listener.address as RfcommAddress, options))
    expect(error.code).toMatch(/^(ECONNRESET|ETIMEDOUT)$/)
    expect(error.milliseconds).toBeLessThan(10_000)
    await listener.close()
  })
})

afterAll(() => restartControllers(2))
