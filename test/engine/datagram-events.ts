import { type Mock, vi } from 'vitest'
import type { DatagramEvents } from '../../src/core/family.ts'
import type { TestAddress } from './scripted-addon.ts'

type Events = DatagramEvents<TestAddress>

export interface MockedEvents {
  readonly onMessages: Mock<Events['onMessages']>
  readonly onWritable: Mock<Events['onWritable']>
  readonly onEnd: Mock<Events['onEnd']>
  readonly onError: Mock<Events['onError']>
}

/** What a datagram handle tells, each as a mock. */
export const datagramEvents = (): MockedEvents => ({
  onMessages: vi.fn<Events['onMessages']>(),
  onWritable: vi.fn<Events['onWritable']>(),
  onEnd: vi.fn<Events['onEnd']>(),
  onError: vi.fn<Events['onError']>(),
})
