import { inspect } from 'node:util'
import { checkDescriptors } from '../core/ancillary.ts'
import { wrongType, wrongValue } from '../core/argument-errors.ts'
import { checkDeadline } from '../core/deadline.ts'
import type { DeadlineOptions } from '../index.ts'
import { post } from './notify-socket.ts'
import { formatState } from './state.ts'

export interface StoreFdsOptions extends DeadlineOptions {
  /** What `listenFds` calls them after the restart: 1 to 255 characters of printable ASCII but `:`. */
  name: string
  /** Whether systemd forgets them when it sees an error or a hang-up on them. Default true, as is systemd's. */
  poll?: boolean
}

/**
 * Gives descriptors to the service manager to keep while the service restarts or crashes: FDSTORE=1 of sd_notify(3).
 * The next process gets them by `listenFds`. At most 253 at a time; `FileDescriptorStoreMax=` of the unit allows them.
 * The manager gets duplicates: the caller's own stay open, and stay the caller's. An endpoint's is its `fd`.
 *
 * Resolves to true once the manager's socket has them, to false where there is no manager. systemd answers nothing:
 * whether it keeps them can only be seen after the restart.
 */
export async function storeFds(
  fds: readonly number[],
  { name, poll = true, ...deadline }: StoreFdsOptions,
): Promise<boolean> {
  checkDescriptors(fds)
  if (fds.length === 0) throw wrongValue('there is nothing to store: fds is empty')
  if (typeof poll !== 'boolean') throw wrongType(`poll must be true or false, not ${inspect(poll)}`)
  checkDeadline(deadline)
  const state = formatState({ FDSTORE: 1, FDNAME: checkName(name), ...(!poll && { FDPOLL: 0 }) })
  return post(state, { ...deadline, fds })
}

/** Has the service manager close the descriptors of this name that it keeps: FDSTOREREMOVE=1 of sd_notify(3). */
export async function removeFds(name: string, options: DeadlineOptions = {}): Promise<boolean> {
  checkDeadline(options)
  return post(formatState({ FDSTOREREMOVE: 1, FDNAME: checkName(name) }), options)
}

/** systemd ignores any other name, and keeps the descriptors under the name `stored`. */
function checkName(name: unknown): string {
  if (typeof name === 'string' && /^[ -9;-~]{1,255}$/.test(name)) return name
  throw wrongValue(`name must be 1 to 255 characters of printable ASCII without a colon, not ${inspect(name)}`)
}
