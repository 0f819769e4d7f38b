import { wrongType } from './argument-errors.ts'

/**
 * What may come with a message besides its bytes and its sender; each only where the option named with it asks for it.
 * Families add theirs by declaration merging.
 */
export interface ReceivedAncillary {
  /**
   * `receiveFds`: descriptors that were sent with this message, at least one. They are close-on-exec, and belong to whoever
   * receives the message, who must `adopt` or close each. SCM_RIGHTS, unix(7).
   */
  readonly fds?: readonly number[]
  /**
   * `receiveTimestamp`: when the kernel took the message in, in nanoseconds since 1970 by the system's clock.
   * SO_TIMESTAMPNS, socket(7).
   */
  readonly timestamp?: bigint
}

/** What can be sent with a message besides its bytes. Families add theirs by declaration merging. */
export interface SentAncillary {
  /**
   * Descriptors, at most 253, of any kind. They are duplicated at once: the caller's own stay the caller's. SCM_RIGHTS,
   * unix(7).
   */
  readonly fds?: readonly number[] | undefined
}

/** Throws a `TypeError` unless these could be descriptors. */
export function checkDescriptors(fds: unknown): asserts fds is readonly number[] {
  if (!Array.isArray(fds) || !fds.every((fd) => Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31)) {
    throw wrongType('the descriptors must be an array of numbers, each 0 or more')
  }
}
