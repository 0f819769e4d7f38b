import { expect, test } from 'vitest'
import { holdDescriptors } from '../../src/engine/descriptors.ts'
import { KernelToken } from '../../src/engine/kernel-token.ts'
import { describeNative, isOpen } from '../native/support.ts'
import { eventually, settledMemory } from '../support/resources.ts'

describeNative('the token of a hand-over', ({ addon }) => {
  test('is the first taker’s, of all who have the socket', () => {
    const giver = KernelToken.make(addon)
    const taker = holdDescriptors(addon, [giver.fd]).give((fd) => KernelToken.of(addon, fd))
    expect(taker.take()).toBe(true)
    expect(giver.take()).toBe(false)
    expect(taker.take()).toBe(true)
    giver.close()
    taker.close()
  })

  test('once it is closed it has no number, and is nobody’s', () => {
    const token = KernelToken.make(addon)
    const { fd } = token
    token.close()
    expect(isOpen(fd)).toBe(false)
    expect(token.fd).toBe(-1)
    // The number is another socket's by now.
    const other = KernelToken.make(addon)
    expect(other.fd).toBe(fd)
    expect(token.take()).toBe(false)
    token.close()
    expect(isOpen(fd)).toBe(true)
    other.close()
  })

  test('forgotten, it is closed', async () => {
    const fd = ((): number => KernelToken.make(addon).fd)()
    expect(isOpen(fd)).toBe(true)
    await settledMemory()
    expect(await eventually(() => !isOpen(fd))).toBe(true)
  })
})
