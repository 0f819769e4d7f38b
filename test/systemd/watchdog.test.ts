import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bind, connect } from '../../src/index.ts'
import { watchdog } from '../../src/systemd.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { errorOf } from '../support/errors.ts'
import { given, python, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { startManager, type Told } from './service-manager.ts'

beforeAll(buildOnce, 120_000)

afterEach(() => {
  delete process.env.WATCHDOG_USEC
  delete process.env.WATCHDOG_PID
})

function ask(microseconds: number | string, pid?: number | string): void {
  process.env.WATCHDOG_USEC = String(microseconds)
  if (pid !== undefined) process.env.WATCHDOG_PID = String(pid)
}

describe('a watchdog that systemd asks for', () => {
  given(scheme('unixgram'), python)('is pinged at once and at half of its time, until it is stopped', async () => {
    await using directory = await temporaryDirectory()
    await using manager = await startManager(directory.file('notify'))
    ask(100_000, process.pid)
    const times: number[] = []
    {
      using dog = watchdog()
      expect(dog?.interval).toBe(50)
      for (let count = 0; count < 5; count++) {
        expect(await manager.report<Told>()).toMatchObject({ text: 'WATCHDOG=1', pid: process.pid })
        times.push(performance.now())
      }
    }
    expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(150)
    const more = manager.line().catch(() => 'none')
    await sleep(150)
    await manager[Symbol.asyncDispose]()
    // One may have been on its way when it was stopped.
    expect(await more).toSatisfy((line: string) => line === 'none' || line.includes('WATCHDOG=1'))
    await expect(manager.line()).rejects.toThrow('it has ended')
  })

  given(scheme('unixgram'), python)('is not pinged while the service says that it is ill', async () => {
    await using directory = await temporaryDirectory()
    await using manager = await startManager(directory.file('notify'))
    ask(20_000)
    let asked = 0
    using dog = watchdog({ check: () => ++asked > 3 })
    expect(dog?.interval).toBe(10)
    await manager.report<Told>()
    expect(asked).toBeGreaterThan(3)
  })

  test('a check that throws is the error of who starts it', () => {
    ask(20_000)
    const check = (): never => {
      throw new Error('of the check')
    }
    expect(() => watchdog({ check, onError: () => expect.unreachable() })).toThrow('of the check')
  })

  given(scheme('unixgram'))('tells of pings that could not be sent, and goes on', async () => {
    process.env.NOTIFY_SOCKET = '/nowhere/notify'
    ask(20_000)
    const codes: unknown[] = []
    using _dog = watchdog({ onError: (error) => codes.push((error as NodeJS.ErrnoException).code) })
    expect(await eventually(() => codes.length > 2)).toBe(true)
    expect(new Set(codes)).toEqual(new Set(['ENOENT']))
    delete process.env.NOTIFY_SOCKET
  })

  given(scheme('unixgram'))(
    'sends one ping at a time to a manager that is stuck, and goes on when it is not',
    async () => {
      await using directory = await temporaryDirectory()
      await using manager = await bind(`unixgram:${directory.file('notify')}`)
      // Read by nobody yet: the queue of the kernel fills up.
      await using other = await connect(`unixgram:${directory.file('notify')}`)
      const queued: Promise<void>[] = []
      for (let count = 0; count < 1000; count++) queued.push(other.send('x').catch(() => undefined))
      process.env.NOTIFY_SOCKET = directory.file('notify')
      ask(4000)
      const before = openDescriptors()
      let asked = 0
      {
        using _dog = watchdog({ check: () => ++asked > 0, onError: () => expect.unreachable() })
        expect(await eventually(() => asked > 30)).toBe(true)
        expect(openDescriptors()).toBeLessThanOrEqual(before + 1)
        for await (const { data } of manager) if (String(data) === 'WATCHDOG=1') break
        await Promise.all(queued)
        const more = asked
        expect(await eventually(() => asked > more + 3)).toBe(true)
        for await (const { data } of manager) if (String(data) === 'WATCHDOG=1') break
      }
      expect(await eventually(() => openDescriptors() <= before)).toBe(true)
      delete process.env.NOTIFY_SOCKET
    },
  )

  given(scheme('unixgram'))('does not keep the process alive with a ping that waits', async () => {
    await using directory = await temporaryDirectory()
    await using _manager = await bind(`unixgram:${directory.file('notify')}`)
    await using other = await connect(`unixgram:${directory.file('notify')}`)
    for (let count = 0; count < 1000; count++) other.send('x').catch(() => undefined)
    const script =
      "import { watchdog } from 'polysocket/systemd'; watchdog(); setTimeout(() => console.log('over'), 100)"
    const env = { WATCHDOG_USEC: '20000', NOTIFY_SOCKET: directory.file('notify') }
    await using child = new Child(process.execPath, ['--input-type=module', '-e', script], { env })
    expect(await child.line()).toBe('over')
    expect(await child.exited).toMatchObject({ code: 0, stderr: '' })
  })

  test('does not keep the process alive', async () => {
    const script = "import { watchdog } from 'polysocket/systemd'; console.log(watchdog().interval)"
    const env = { WATCHDOG_USEC: '30000000', NOTIFY_SOCKET: '' }
    await using child = new Child(process.execPath, ['--input-type=module', '-e', script], { env })
    expect(await child.line()).toBe('15000')
    expect(await child.exited).toMatchObject({ code: 0, stderr: '' })
  })
})

test('none is asked for: there is none', () => {
  expect(watchdog()).toBeUndefined()
  ask(1_000_000, 1)
  expect(watchdog()).toBeUndefined()
})

test.each(['0', '-1', '', 'x', '1999', '1.5'])('WATCHDOG_USEC=%s cannot be', (value) => {
  ask(value)
  expect(errorOf(watchdog)).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('WATCHDOG_USEC') })
})

test('WATCHDOG_PID that names no process cannot be; a time beyond that of any timer is cut', () => {
  ask(1_000_000, 'me')
  expect(errorOf(watchdog)).toMatchObject({ code: 'EINVAL' })
  ask('999999999999999', process.pid)
  using dog = watchdog()
  expect(dog?.interval).toBe(2 ** 31 - 1)
})
