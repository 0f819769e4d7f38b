import { describe, expect, test } from 'vitest'
import { type NotifyState, notify } from '../../src/systemd.ts'
import { outOfRange } from '../support/errors.ts'
import { given, python, scheme } from '../support/need.ts'
import { openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { startManager, type Told } from './service-manager.ts'

const { pid } = process

describe('a state that is told to the service manager', () => {
  const withManager = given(scheme('unixgram'), python)

  withManager('arrives as it was said, from this process', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    const manager = await startManager(directory.file('notify'))
    const opened = openDescriptors()
    const said: [NotifyState, string][] = [
      ['READY=1', 'READY=1'],
      ['STATUS=two lines\nERRNO=2\n', 'STATUS=two lines\nERRNO=2\n'],
      [
        { READY: 1, STATUS: 'bereit: 100 % = viel', MAINPID: pid },
        `READY=1\nSTATUS=bereit: 100 % = viel\nMAINPID=${pid}`,
      ],
      [{ RELOADING: 1, MONOTONIC_USEC: 12345678901234567890n }, 'RELOADING=1\nMONOTONIC_USEC=12345678901234567890'],
      [{ STATUS: '' }, 'STATUS='],
    ]
    for (const [state, text] of said) {
      expect(await notify(state)).toBe(true)
      expect(await manager.report<Told>()).toEqual({ text, pid, fds: [] })
    }
    expect(openDescriptors()).toBe(opened)
    await manager[Symbol.asyncDispose]()
    expect(openDescriptors()).toBe(before)
  })

  withManager('reaches an abstract name', async () => {
    await using manager = await startManager(`@polysocket-${pid}-ä/notify`)
    expect(await notify('READY=1', { timeout: 1000 })).toBe(true)
    expect(await manager.report<Told>()).toEqual({ text: 'READY=1', pid, fds: [] })
  })

  withManager(
    'waits for a manager that is busy, until the timeout or the abort, and nothing is said twice',
    async () => {
      await using directory = await temporaryDirectory()
      await using manager = await startManager(directory.file('notify'), { wait: true })
      const before = openDescriptors()
      let said = 0
      const full = async (): Promise<never> => {
        for (;;) {
          await notify(`X=${said}`, { timeout: 300 })
          said++
        }
      }
      await expect(full()).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'notify' })
      const controller = new AbortController()
      const aborted = notify('X=aborted', { signal: controller.signal })
      const waiting = notify('X=waits')
      setImmediate(() => controller.abort())
      await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
      manager.tell('read')
      expect(await waiting).toBe(true)
      for (let index = 0; index < said; index++) expect((await manager.report<Told>()).text).toBe(`X=${index}`)
      expect((await manager.report<Told>()).text).toBe('X=waits')
      expect(openDescriptors()).toBe(before)
    },
  )

  withManager('fails as the socket does', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    const path = directory.file('notify')
    const manager = await startManager(path)
    await manager[Symbol.asyncDispose]()
    await expect(notify('READY=1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    process.env.NOTIFY_SOCKET = `${path}-of-nobody`
    await expect(notify('READY=1')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(openDescriptors()).toBe(before)
  })
})

test('without a service manager nothing is said', async () => {
  for (const value of [undefined, '']) {
    if (value === undefined) delete process.env.NOTIFY_SOCKET
    else process.env.NOTIFY_SOCKET = value
    expect(await notify('READY=1')).toBe(false)
    delete process.env.NOTIFY_SOCKET
  }
})

test.each([
  ['vsock:2:1234', 'ERR_UNSUPPORTED'],
  ['vsock-stream:2:1234', 'ERR_UNSUPPORTED'],
  ['relative/path', 'ERR_ADDRESS_INVALID'],
  [`/${'x'.repeat(200)}`, 'ERR_ADDRESS_INVALID'],
  [`@${'x'.repeat(108)}`, 'ERR_ADDRESS_INVALID'],
])('NOTIFY_SOCKET=%s is %s', async (value, code) => {
  process.env.NOTIFY_SOCKET = value
  try {
    await expect(notify('READY=1')).rejects.toMatchObject({ code })
  } finally {
    delete process.env.NOTIFY_SOCKET
  }
})

test.each([
  '',
  'READY',
  '=1',
  'READY=1\n\nSTATUS=x',
  'NAME WITH SPACES=1',
  'STATUS=a\0b',
  {},
  { 'A=B': 1 },
  { 'A\nB': 1 },
  { '': 1 },
  { STATUS: 'fine\nREADY=1' },
  { STATUS: 'a\0b' },
  { STATUS: undefined },
  { STATUS: true },
  { STATUS: {} },
  null,
  undefined,
  7,
])('%j is no state', async (state) => {
  await expect(notify(state as NotifyState)).rejects.toThrow(TypeError)
})

test('options of the wrong type', async () => {
  await expect(notify('READY=1', { timeout: -1 })).rejects.toEqual(outOfRange)
  await expect(notify('READY=1', { signal: 7 as unknown as AbortSignal })).rejects.toThrow(TypeError)
})
