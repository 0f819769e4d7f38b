import { existsSync } from 'node:fs'
import type { Noble } from './noble.ts'

/*
 * Inside of noble on Linux, where its public side leaves something undone. Everything here is left alone where it looks
 * different from what it was written against: @abandonware/noble 1.9.2, @stoprocent/noble 2.8.
 */

/** noble's end of the HCI socket. */
interface Hci {
  readonly _userChannel?: unknown
  /** The adapter's number, where it was given: NOBLE_HCI_DEVICE_ID. */
  readonly _deviceId?: unknown
  /** What the controller said about its buffers; absent until it was asked. */
  readonly _aclBuffers?: unknown
  readLeBufferSize?: () => void
  /** Looks once a second whether the adapter is up, for ever; in raw mode only. */
  pollIsDevUp?: () => void
  readonly _socket?: {
    start?: () => void
    stop?: () => void
    on?: (event: 'error', listener: (error: unknown) => void) => void
  }
}

/** What a write to a socket says whose adapter was unplugged. A read says it once, and noble does not listen. */
const UNPLUGGED: ReadonlySet<unknown> = new Set(['EPIPE', 'ENODEV', 'EBADFD'])

/**
 * In user channel mode (HCI_CHANNEL_USER) @abandonware/noble does not send LE Read Buffer Size, which it waits for before
 * it sends any data: it would connect, and every request to the device would hang. So it is sent here.
 */
export function completeUserChannel(noble: Noble): void {
  const hci = hciOf(noble)
  if (hci?._userChannel && hci._aclBuffers === undefined) hci.readLeBufferSize?.()
}

/**
 * Lets the process end: noble's socket and its timer would keep it alive for ever once it was started. Nothing of what
 * happens on the air is heard until `wake`, so no connection may be open.
 */
export function sleep(noble: Noble): void {
  const hci = hciOf(noble)
  if (hci === undefined) return
  hci._socket?.stop?.()
  // It calls itself by this name, so the next call is the last.
  if (hci.pollIsDevUp !== undefined)
    Object.defineProperty(hci, 'pollIsDevUp', { value: () => undefined, configurable: true })
}

export function wake(noble: Noble): void {
  const hci = hciOf(noble)
  if (hci === undefined) return
  hci._socket?.start?.()
  if (!Object.hasOwn(hci, 'pollIsDevUp')) return
  // The method of its class is there again, and begins anew.
  Reflect.deleteProperty(hci, 'pollIsDevUp')
  if (!hci._userChannel) hci.pollIsDevUp?.()
}

/** Calls back when a write shows that the adapter was unplugged; the instance is of no use any more. */
export function onUnplugged(noble: Noble, listener: () => void): void {
  hciOf(noble)?._socket?.on?.('error', (error) => {
    if (UNPLUGGED.has((error as NodeJS.ErrnoException).code)) listener()
  })
}

/**
 * Whether the adapter is not there any more, as far as can be told: noble itself looks once a second, but in user channel
 * mode, in which the kernel answers no such question on its socket.
 */
export function isUnplugged(noble: Noble): boolean {
  const hci = hciOf(noble)
  if (!hci?._userChannel || typeof hci._deviceId !== 'number') return false
  return !existsSync(`/sys/class/bluetooth/hci${hci._deviceId}`)
}

function hciOf(noble: Noble): Hci | undefined {
  const { _bindings } = noble as { _bindings?: { _hci?: Hci | null } }
  return _bindings?._hci ?? undefined
}
