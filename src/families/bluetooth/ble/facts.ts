import type { SchemeFacts } from '../../../core/facts.ts'

export const bleFacts: SchemeFacts = {
  kind: 'stream',
  socket: 'GATT: writes to one characteristic, notifications of another',
  connected: true,
  reliable: true,
  ordered: true,
  boundaries: false,
  halfClose: false,
}
