/** What a worker asks its primary for. */
export interface SharedSocket {
  readonly address: string | null
  readonly port: number | null
  readonly addressType: string
  readonly fd: number
  /** libuv's UV_UDP_ bits; `null` for a descriptor. */
  readonly flags: number | null
}

/** `libuv`'s flags of uv_udp_bind. */
export const UV_UDP_IPV6ONLY = 1
export const UV_UDP_REUSEADDR = 4
