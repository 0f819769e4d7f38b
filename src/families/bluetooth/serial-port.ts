import type { StreamHandle } from '../../core/family.ts'
import type { OpenRequest } from '../../core/options.ts'
import type { RfcommAddress } from './address.ts'
import { openSerialPort } from './serial-port/connect.ts'
import type { SerialPortSocketOptions } from './serial-port/options.ts'

export { probeSerialPort } from './serial-port/module.ts'
export type { SerialPortSocketOptions } from './serial-port/options.ts'
export { serialPortFacts } from './serial-port/stream.ts'

declare module '../../core/options.ts' {
  interface SocketOptions extends SerialPortSocketOptions {}
}

/**
 * Connects through node-bluetooth-serial-port: `serialPort` of the options, else loaded on first use. It is for Windows,
 * where the system's own sockets cannot be reached; on Linux the kernel engine does better in every respect.
 *
 * - Each connection, and each connect until it is over, occupies a thread of libuv's pool. The one that would take the last
 *   is refused, `EMFILE`; UV_THREADPOOL_SIZE sets their number before the process begins.
 * - Why a connect failed is not told: it is `EHOSTUNREACH`, whatever the reason, and tried again for 1 s, since a channel whose
 *   last connection was closed just now refuses the next one for some milliseconds.
 * - A connect cannot be cancelled: an abort rejects at once, the thread stays occupied until the system gives up (30 s), and
 *   what connects late is closed.
 * - Of services only `spp` is found (`ENOTFOUND` where the device has none); the adapter cannot be chosen.
 * - The end of the stream is also what a lost link looks like. There is no half close: `end` closes.
 * - Bytes go out in frames of 127, each of which waits until the system has room for it.
 * - While it reads, an open connection keeps the process alive, `unref` or not.
 */
export function connectSerialPort(
  address: RfcommAddress,
  request: OpenRequest<RfcommAddress>,
): Promise<StreamHandle<RfcommAddress>> {
  return openSerialPort(address, request)
}
