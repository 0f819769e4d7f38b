import { expect, test } from 'vitest'
import { barrier, notify } from '../../src/systemd.ts'
import { given, python, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { startManager, type Told } from './service-manager.ts'

const withManager = given(scheme('unixgram'), python)

withManager('a barrier is passed when the manager has come to it', async () => {
  await using directory = await temporaryDirectory()
  await using manager = await startManager(directory.file('notify'))
  const before = openDescriptors()
  await notify('READY=1')
  let isPassed = false
  const passed = barrier({ timeout: 10_000 }).then((told) => {
    isPassed = true
    return told
  })
  expect((await manager.report<Told>()).text).toBe('READY=1')
  expect(await manager.report<Told>()).toEqual({ text: 'BARRIER=1', pid: process.pid, fds: ['socket'] })
  expect(isPassed).toBe(false)
  manager.tell('close it')
  expect(await passed).toBe(true)
  expect(await eventually(() => openDescriptors() === before)).toBe(true)
})

withManager('a barrier that the manager never comes to ends by timeout or abort, and nothing stays open', async () => {
  await using directory = await temporaryDirectory()
  await using manager = await startManager(directory.file('notify'))
  const before = openDescriptors()
  await expect(barrier({ timeout: 100 })).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'barrier' })
  await manager.report()
  const controller = new AbortController()
  const aborted = barrier({ signal: controller.signal })
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  await expect(barrier({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  expect(await eventually(() => openDescriptors() === before)).toBe(true)
})

withManager('a barrier is passed when the manager dies', async () => {
  await using directory = await temporaryDirectory()
  const manager = await startManager(directory.file('notify'))
  const passed = barrier()
  await manager.report()
  await manager[Symbol.asyncDispose]()
  expect(await passed).toBe(true)
  await expect(barrier()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('without a manager there is none', async () => {
  const before = openDescriptors()
  expect(await barrier()).toBe(false)
  expect(await eventually(() => openDescriptors() === before)).toBe(true)
})
