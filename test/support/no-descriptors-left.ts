import { afterEach, beforeEach, expect } from 'vitest'
import { eventually, openDescriptors } from './resources.ts'

/**
 * Whatever a test of the file did, in the end as many descriptors are open as before it. `cleanUp` closes what it left open.
 * The result tells how many there were before the test.
 */
export function noDescriptorsLeft(cleanUp: () => unknown = () => undefined): () => number {
  let before = 0
  beforeEach(() => {
    before = openDescriptors()
  })
  afterEach(async () => {
    await cleanUp()
    await eventually(() => openDescriptors() === before, 2000)
    expect(openDescriptors()).toBe(before)
  })
  return () => before
}
