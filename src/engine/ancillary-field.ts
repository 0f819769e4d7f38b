import type { ControlPart } from './control.ts'
import { boolean, type KernelOption, littleEndian, SOL_SOCKET, viewOf } from './kernel-options.ts'

/** One field of what comes or goes with a message, as the kernel has it. */
export interface AncillaryField {
  /** The forms in which the kernel reports it. */
  readonly received: readonly AncillaryForm[]
  /** What a message has that came without. Default: nothing. */
  readonly otherwise?: unknown
  /**
   * Its form for a message to this sockaddr, empty where the peer is not known. Throws a `TypeError` for a value of the
   * wrong shape, a `RangeError` for a number that cannot be. Absent for what cannot be sent.
   */
  encode?(value: unknown, to: Uint8Array): ControlPart
}

export interface AncillaryForm {
  readonly level: number
  readonly type: number
  /** `data` is the engine's to use again. */
  decode(data: Uint8Array): unknown
}

const SO_TIMESTAMPNS = 35

/** The option of socket(7) that asks for `timestamp`. */
export const receiveTimestamp: KernelOption = {
  level: SOL_SOCKET,
  name: SO_TIMESTAMPNS,
  codec: boolean,
  phase: 'socket',
  brings: 'timestamp',
}

/** SCM_TIMESTAMPNS: a `struct timespec`, whose halves are a `long` each. */
export const timestampField: AncillaryField = {
  received: [
    {
      level: SOL_SOCKET,
      type: SO_TIMESTAMPNS,
      decode(data) {
        const view = viewOf(data)
        const [seconds, nanoseconds] =
          data.length === 16
            ? [view.getBigInt64(0, littleEndian), view.getBigInt64(8, littleEndian)]
            : [BigInt(view.getInt32(0, littleEndian)), BigInt(view.getInt32(4, littleEndian))]
        return seconds * 1_000_000_000n + nanoseconds
      },
    },
  ],
}
