import { closeSync, openSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { listen } from '../../src/index.ts'
import { removeFds, type StoreFdsOptions, storeFds } from '../../src/systemd.ts'
import { outOfRange, wrongType } from '../support/errors.ts'
import { given, python, scheme } from '../support/need.ts'
import { openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { startManager, type Told } from './service-manager.ts'

const withManager = given(scheme('unixgram'), python)

withManager('descriptors that are to be kept reach the manager, and stay ours', async () => {
  await using directory = await temporaryDirectory()
  await using manager = await startManager(directory.file('notify'))
  const before = openDescriptors()
  await using listener = await listen('tcp://127.0.0.1:0')
  const files = ['first', 'second'].map((text) => {
    const file = directory.file(text)
    writeFileSync(file, text)
    return openSync(file, 'r')
  })
  expect(await storeFds([...files, listener.fd as number], { name: 'state (1)' })).toBe(true)
  const text = 'FDSTORE=1\nFDNAME=state (1)'
  expect(await manager.report<Told>()).toEqual({ text, pid: process.pid, fds: ['first', 'second', 'socket'] })
  expect(await storeFds(files, { name: 'x', poll: false, timeout: 1000 })).toBe(true)
  expect(await manager.report<Told>()).toMatchObject({
    text: 'FDSTORE=1\nFDNAME=x\nFDPOLL=0',
    fds: ['first', 'second'],
  })
  expect(await removeFds('state (1)')).toBe(true)
  expect(await manager.report<Told>()).toMatchObject({ text: 'FDSTOREREMOVE=1\nFDNAME=state (1)', fds: [] })
  for (const file of files) closeSync(file)
  await listener.close()
  expect(openDescriptors()).toBe(before)
})

withManager('what cannot be sent is refused whole', async () => {
  await using directory = await temporaryDirectory()
  await using manager = await startManager(directory.file('notify'))
  const before = openDescriptors()
  await expect(storeFds([0, 99_999], { name: 'x' })).rejects.toMatchObject({ code: 'EBADF' })
  const many = Array.from({ length: 254 }, () => 0)
  await expect(storeFds(many, { name: 'x' })).rejects.toMatchObject({ code: 'EINVAL' })
  expect(openDescriptors()).toBe(before)
  expect(await storeFds(many.slice(1), { name: 'x' })).toBe(true)
  expect((await manager.report<Told>()).fds).toHaveLength(253)
})

test('without a manager nobody keeps them', async () => {
  expect(await storeFds([0], { name: 'x' })).toBe(false)
  expect(await removeFds('x')).toBe(false)
})

test.each(['', 'a:b', 'a\nb', 'ä', 'x'.repeat(256), undefined, 7])('%j is no name', async (name) => {
  await expect(storeFds([0], { name: name as string })).rejects.toThrow(TypeError)
  await expect(removeFds(name as string)).rejects.toThrow(TypeError)
})

test.each([[[]], [[-1]], [['0']], [0], [undefined]])('%j is no list of descriptors', async (fds) => {
  await expect(storeFds(fds as number[], { name: 'x' })).rejects.toThrow(TypeError)
})

test('poll and the deadline are checked', async () => {
  await expect(storeFds([0], { name: 'x', poll: 1 } as unknown as StoreFdsOptions)).rejects.toEqual(wrongType)
  await expect(storeFds([0], { name: 'x', timeout: Number.NaN })).rejects.toEqual(outOfRange)
})
