import { littleEndian, viewOf } from './kernel-options.ts'

/** One piece of ancillary data: `struct cmsghdr` and what follows it, cmsg(3). */
export interface ControlPart {
  readonly level: number
  readonly type: number
  readonly data: Uint8Array
}

/** `sizeof(size_t)`, which is both the size of `cmsg_len` and what the parts are aligned to. */
const WORD = ['arm', 'ia32', 'mips', 'mipsel'].includes(process.arch) ? 4 : 8
/** `cmsg_len`, `cmsg_level`, `cmsg_type`. */
const HEADER = WORD + 8

/** CMSG_SPACE: what a part with so many bytes of data takes. */
export function controlSpace(length: number): number {
  return HEADER + align(length)
}

export function encodeControl(parts: readonly ControlPart[]): Uint8Array {
  const control = new Uint8Array(parts.reduce((total, { data }) => total + controlSpace(data.length), 0))
  const view = viewOf(control)
  let offset = 0
  for (const { level, type, data } of parts) {
    // The upper half of a longer word stays 0.
    view.setUint32(littleEndian ? offset : offset + WORD - 4, HEADER + data.length, littleEndian)
    view.setInt32(offset + WORD, level, littleEndian)
    view.setInt32(offset + WORD + 4, type, littleEndian)
    control.set(data, offset + HEADER)
    offset += controlSpace(data.length)
  }
  return control
}

/** The parts that the kernel wrote. Their data is a view of `control`: what is kept of it is copied. */
export function decodeControl(control: Uint8Array): ControlPart[] {
  const view = viewOf(control)
  const parts: ControlPart[] = []
  let offset = 0
  while (offset + HEADER <= control.length) {
    const length = view.getUint32(littleEndian ? offset : offset + WORD - 4, littleEndian)
    if (length < HEADER) break
    parts.push({
      level: view.getInt32(offset + WORD, littleEndian),
      type: view.getInt32(offset + WORD + 4, littleEndian),
      data: control.subarray(offset + HEADER, Math.min(offset + length, control.length)),
    })
    offset += align(length)
  }
  return parts
}

function align(length: number): number {
  return Math.ceil(length / WORD) * WORD
}
