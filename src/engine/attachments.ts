import { checkDescriptors, type SentAncillary } from '../core/ancillary.ts'
import { unsupported } from '../core/errors.ts'
import type { HeldDescriptors } from '../core/family.ts'
import type { Addon } from './addon.ts'
import type { AncillaryField } from './ancillary-field.ts'
import { encodeControl } from './control.ts'
import { holdDescriptors, rightsOf } from './descriptors.ts'

/** What goes with one message, ready for sendmsg(2). */
export interface Attachment {
  readonly control: Uint8Array
  /** Duplicates, to be closed when the message is gone. */
  readonly held: HeldDescriptors | undefined
}

/** The socket that sends it. */
export interface Carrier {
  readonly scheme: string
  readonly carriesFds: boolean
  readonly fields: Readonly<Record<string, AncillaryField>>
}

/** Makes an attachment for a message to this sockaddr; see `DatagramHandle.attach`. */
export function makeAttachment(addon: Addon, carrier: Carrier, ancillary: SentAncillary, to: Uint8Array): Attachment {
  const { fds = [], ...rest } = ancillary
  checkDescriptors(fds)
  const parts = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const field = Object.hasOwn(carrier.fields, name) ? carrier.fields[name] : undefined
      if (field?.encode === undefined) throw unsupported(`${name} with a message`, `${carrier.scheme} cannot send it`)
      return field.encode(value, to)
    })
  if (fds.length === 0) return { control: encodeControl(parts), held: undefined }
  if (!carrier.carriesFds) throw unsupported('fds with a message', `${carrier.scheme} carries no descriptors`)
  // Last, so that nothing is held when anything else is wrong.
  const held = holdDescriptors(addon, fds)
  return { control: encodeControl([...parts, rightsOf(held.fds)]), held }
}
