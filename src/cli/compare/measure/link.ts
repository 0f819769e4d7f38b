import { once } from 'node:events'
import type { DatagramEndpoint, Message, StreamEndpoint } from '../../../index.ts'
import { isStream } from '../../open.ts'
import type { Ends } from './meeting.ts'

/** One way from the near end to the far one, whatever carries the bytes. */
export interface Link {
  /** One write. Resolves when there is room for another. */
  write(bytes: Buffer): Promise<void>
}

/** `onRead` gets what each read of the far end gave. */
export function openLink({ near, far }: Ends, onRead: (bytes: Buffer) => void): Link {
  if (isStream(far)) far.on('data', onRead)
  else far.on('message', ({ data }: Message) => onRead(data))
  return isStream(near) ? streamLink(near) : messageLink(near)
}

function streamLink(near: StreamEndpoint): Link {
  return {
    async write(bytes) {
      if (!near.write(bytes)) await once(near, 'drain')
    },
  }
}

function messageLink(near: DatagramEndpoint): Link {
  return { write: (bytes) => near.send(bytes) }
}
