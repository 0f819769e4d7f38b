import { inspect } from 'node:util'
import { wrongType } from '../../../core/argument-errors.ts'
import { SocketError, unsupported } from '../../../core/errors.ts'
import type { OpenRequest } from '../../../core/options.ts'
import type { RfcommAddress } from '../address.ts'
import { isSerialPortModule, type SerialPortModule } from './module.ts'

/** Options of `connect` with the driver `serial-port`. */
export interface SerialPortSocketOptions {
  /** rfcomm: the module node-bluetooth-serial-port to use. Default: loaded on first use. */
  serialPort?: object
}

/** Throws a `TypeError` for an option of the wrong type, `ERR_OPTION_UNKNOWN`, `ERR_UNSUPPORTED`. */
export function readSerialPortOptions(request: OpenRequest<RfcommAddress>): SerialPortModule | undefined {
  const { engine, local, options } = request
  if (engine !== undefined) {
    throw unsupported(`engine ${engine} with the driver serial-port`, 'a driver is an engine; leave one of them out')
  }
  if (local !== undefined) {
    throw unsupported('a local address with the driver serial-port', 'it takes the adapter that the system chooses')
  }
  const { driver: _, serialPort, ...others } = options
  for (const name of Object.keys(others)) throw unknownSerialPortOption(name)
  if (serialPort !== undefined && !isSerialPortModule(serialPort)) {
    throw wrongType('serialPort must be the module node-bluetooth-serial-port')
  }
  return serialPort
}

export function unknownSerialPortOption(option: unknown): SocketError {
  const name = typeof option === 'string' ? option : inspect(option)
  return new SocketError('ERR_OPTION_UNKNOWN', `the driver serial-port has no option ${name}; it has serialPort`)
}
