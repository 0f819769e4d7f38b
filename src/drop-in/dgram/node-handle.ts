/** Node's own socket, as node:cluster hands it over and `dgram._createSocketHandle` makes it. */
export interface NodeUdpHandle {
  readonly fd: number
  close(...args: unknown[]): void
  unref?(): void
}

export function isNodeHandle(value: unknown): value is NodeUdpHandle {
  return typeof value === 'object' && value !== null && 'recvStart' in value && 'fd' in value
}
