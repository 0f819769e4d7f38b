import { closeSync, openSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { closeForeign, holdDescriptors, OwnedDescriptors } from '../../src/engine/descriptors.ts'
import { describeNative, failure, isOpen } from '../native/support.ts'
import { settledMemory } from '../support/resources.ts'
import { ScriptedAddon } from './scripted-addon.ts'

describeNative('descriptors that no watch has', ({ addon }) => {
  const held = (): OwnedDescriptors => holdDescriptors(addon, [0, 0])

  test('are closed once: the numbers are forgotten with it, and may be another’s', () => {
    const first = held()
    const [a, b] = first.fds as [number, number]
    first.close()
    expect([a, b].map(isOpen)).toEqual([false, false])
    const second = held()
    expect(second.fds).toEqual([a, b])
    first.close()
    expect(first.take()).toEqual([])
    expect([a, b].map(isOpen)).toEqual([true, true])
    second.close()
  })

  test('taken, they are the taker’s alone', () => {
    const all = held()
    const fds = all.take()
    all.close()
    expect(fds.map(isOpen)).toEqual([true, true])
    for (const fd of fds) {
      expect(addon.close(fd)).toBe(failure('EBADF'))
      closeSync(fd)
    }
  })

  test('given, the first is whose it is given to, unless that throws', () => {
    const all = held()
    const fds = [...all.fds]
    const fail = (): never => {
      throw new Error('no')
    }
    expect(() => all.give(fail)).toThrow('no')
    expect(fds.map(isOpen)).toEqual([false, false])
    const given = held().give((fd) => fd)
    expect(isOpen(given)).toBe(true)
    closeSync(given)
  })

  test('forgotten, they are closed', async () => {
    const forget = (): readonly number[] => held().fds.slice()
    const fds = forget()
    await vi.waitFor(async () => {
      await settledMemory()
      expect(fds.map(isOpen)).toEqual([false, false])
    })
  })

  test('closing one of nobody’s leaves what is ours alone', () => {
    const file = openSync('/dev/null', 'r')
    closeForeign(addon, file)
    expect(isOpen(file)).toBe(false)
    const ours = addon.duplicate(0)
    closeForeign(addon, ours)
    expect(isOpen(ours)).toBe(true)
    addon.close(ours)
  })
})

test('what close(2) says of a file is nobody’s error: its sender chose the file', () => {
  const EIO = -5
  const { addon } = new ScriptedAddon().script('close', EIO, EIO).script('own', 0)
  new OwnedDescriptors(addon, [20]).close()
  closeForeign(addon, 21)
})
