import type { BleAddress } from '../../../src/families/bluetooth/address.ts'

/** An attribute's type and value; its handle is its place, from 1 on. UUIDs as they are sent: the last byte first. */
export interface Attribute {
  readonly type: Buffer
  readonly value: Buffer
}

const PRIMARY_SERVICE = number16(0x2800)
const CHARACTERISTIC = number16(0x2803)
const CONFIGURATION = number16(0x2902)

const WRITE_BOTH_WAYS = 0x04 | 0x08
const INDICATE = 0x20

/** Where the parts of the one service are. */
export const RX = 3
export const TX = 5
export const TX_CONFIGURATION = 6

/** One service with the two characteristics of the address; Core specification, volume 3, part G, 3. */
export function attributesOf({ service, write, notify }: BleAddress): readonly Attribute[] {
  const declare = (properties: number, handle: number, uuid: Buffer): Attribute => ({
    type: CHARACTERISTIC,
    value: Buffer.concat([Buffer.of(properties), number16(handle), uuid]),
  })
  const [rx, tx] = [wire(write), wire(notify)]
  return [
    { type: PRIMARY_SERVICE, value: wire(service) },
    declare(WRITE_BOTH_WAYS, RX, rx),
    { type: rx, value: Buffer.alloc(0) },
    declare(INDICATE, TX, tx),
    { type: tx, value: Buffer.alloc(0) },
    { type: CONFIGURATION, value: Buffer.alloc(2) },
  ]
}

export function number16(value: number): Buffer {
  return Buffer.of(value & 0xff, value >> 8)
}

function wire(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').reverse()
}
