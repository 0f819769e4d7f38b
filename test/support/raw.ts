import type { RawAddress } from '../../src/families/raw.ts'

/** An address of `raw`; without a sockaddr, that of a socket that is not bound. */
export function rawAddress(
  domain: number,
  type: number,
  protocol: number,
  sockaddr: Uint8Array = new Uint8Array(0),
): RawAddress {
  return { family: 'raw', scheme: 'raw', domain, type, protocol, sockaddr }
}
