import type { ReceivedAncillary } from '../core/ancillary.ts'
import type { HeldDescriptors } from '../core/family.ts'
import { type Addon, MAX_FDS } from './addon.ts'
import type { AncillaryField } from './ancillary-field.ts'
import { type ControlPart, controlSpace, decodeControl } from './control.ts'
import { decodeFds, isRights, MSG_CTRUNC, OwnedDescriptors } from './descriptors.ts'

/** Room for a timestamp and nothing else: no descriptor can come in unseen. */
const TIMESTAMP_SPACE = controlSpace(16)
/** Room for every field but descriptors. */
const FIELDS_SPACE = 512
/** Room for them and as many descriptors as a message can carry. */
const RIGHTS_SPACE = FIELDS_SPACE + controlSpace(4 * MAX_FDS)

/** What one message brought; its descriptors are the receiver's only once they are taken from `held`. */
export interface Brought extends ReceivedAncillary {
  readonly held?: HeldDescriptors
}

/** What the messages of one socket bring with them, as far as it was asked for. */
export class AncillaryIntake {
  readonly #fields: Readonly<Record<string, AncillaryField>>
  readonly #asked = new Set<string>()

  constructor(fields: Readonly<Record<string, AncillaryField>> = {}) {
    this.#fields = fields
  }

  /** The option that brings a field was set. */
  ask(field: string, wanted: boolean): void {
    if (wanted) this.#asked.add(field)
    else this.#asked.delete(field)
  }

  /** How much room a message needs for what it brings. `isConnected`: its timestamp tells it from the end. */
  space(isConnected: boolean, wantsFds: boolean): number {
    if (wantsFds) return RIGHTS_SPACE
    if (this.#asked.size > 0) return FIELDS_SPACE
    return isConnected ? TIMESTAMP_SPACE : 0
  }

  isWanted(wantsFds: boolean): boolean {
    return wantsFds || this.#asked.size > 0
  }

  /**
   * Reads what the kernel wrote for one message, whose flags are these. Descriptors that nobody wants are closed. `'lost'`:
   * descriptors came with it, and the system could not hand over all of them; those that it did are closed.
   */
  read(addon: Addon, control: Uint8Array, flags: number, wantsFds: boolean): Brought | 'lost' {
    const parts = decodeControl(control)
    const fds = parts.filter(isRights).flatMap(decodeFds)
    const held = fds.length === 0 ? undefined : new OwnedDescriptors(addon, fds)
    const lost = wantsFds && (flags & MSG_CTRUNC) !== 0
    if (lost || !wantsFds) held?.close()
    if (lost) return 'lost'
    const fields: Record<string, unknown> = {}
    for (const name of this.#asked) {
      const value = read(parts, this.#fields[name])
      if (value !== undefined) fields[name] = value
    }
    return wantsFds && held !== undefined ? { ...fields, fds, held } : fields
  }
}

function read(parts: readonly ControlPart[], field: AncillaryField | undefined): unknown {
  for (const part of parts) {
    const form = field?.received.find(({ level, type }) => level === part.level && type === part.type)
    if (form !== undefined) return form.decode(part.data)
  }
  return field?.otherwise
}
