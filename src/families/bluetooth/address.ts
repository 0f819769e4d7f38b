/** What every Bluetooth address begins with. */
interface BluetoothBase<S extends string> {
  readonly family: 'bluetooth'
  readonly scheme: S
}

/**
 * A serial port on a device: the device by its address, `AA:BB:CC:DD:EE:FF`, or `any` (of our own adapters, to listen on);
 * the port by exactly one of
 *
 * - `channel`: 1 to 30; 0 to listen on the first free one, or as a local address to connect from.
 * - `service`: a UUID, whole and in lower case; its channel is asked for by SDP. In text also by name, `spp`.
 */
export type RfcommAddress = BluetoothBase<'rfcomm'> & { readonly bdaddr: string } & (
    | { readonly channel: number; readonly service?: undefined }
    | { readonly service: string; readonly channel?: undefined }
  )

/** Whose the address is: of a BR/EDR device ("classic" Bluetooth), or of an LE device, burnt in or made up. */
export type BluetoothAddressType = 'bredr' | 'le-public' | 'le-random'

/**
 * An L2CAP channel of a device, by exactly one of
 *
 * - `psm`: BR/EDR: odd, with bit 8 clear, 0x1001 and above free to use; LE: 0x80 to 0xff; 0 to listen on a free one.
 * - `cid`: a fixed channel, such as 4 for ATT.
 */
export type L2capAddress = BluetoothBase<'l2cap'> & {
  readonly bdaddr: string
  /** Absent for `bredr`. */
  readonly type?: BluetoothAddressType
} & ({ readonly psm: number; readonly cid?: undefined } | { readonly cid: number; readonly psm?: undefined })

/**
 * A pair of GATT characteristics that together carry a stream of bytes. `device` is the device's address, or the identifier
 * that the system knows it by (macOS tells no addresses). The UUIDs are whole and in lower case.
 */
export type BleAddress = BluetoothBase<'ble'> & {
  readonly device: string
  readonly service: string
  /** The characteristic that we write to. */
  readonly write: string
  /** The characteristic whose notifications, or indications, we read. */
  readonly notify: string
}

export type BluetoothAddress = RfcommAddress | L2capAddress | BleAddress
