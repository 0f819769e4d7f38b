import { littleEndian, viewOf } from '../../engine/kernel-options.ts'

export const AF_BLUETOOTH = 31

/** An empty sockaddr of this many bytes. Its family is in the machine's byte order, all else in it is little-endian. */
export function emptySockaddr(size: number): { readonly name: Uint8Array; readonly view: DataView } {
  const name = new Uint8Array(size)
  const view = viewOf(name)
  view.setUint16(0, AF_BLUETOOTH, littleEndian)
  return { name, view }
}
