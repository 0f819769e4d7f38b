import { describe, expect, test } from 'vitest'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import { formatBle, parseBle } from '../../src/families/bluetooth/ble.ts'
import { errorOf } from '../support/errors.ts'

const parse = (rest: string): BleAddress => parseBle('ble', rest)

describe('a ble address', () => {
  test('of the Nordic UART service is nus', () => {
    const address = parse('//aa:bb:cc:dd:ee:ff/NUS')
    expect(address).toEqual({
      family: 'bluetooth',
      scheme: 'ble',
      device: 'AA:BB:CC:DD:EE:FF',
      service: '6e400001-b5a3-f393-e0a9-e50e24dcca9e',
      write: '6e400002-b5a3-f393-e0a9-e50e24dcca9e',
      notify: '6e400003-b5a3-f393-e0a9-e50e24dcca9e',
    })
    expect(formatBle(address)).toBe('ble://AA:BB:CC:DD:EE:FF/nus')
  })

  test.each([
    // The same in full, without dashes, in capitals.
    [
      '//AA:BB:CC:DD:EE:FF/6E400001B5A3F393E0A9E50E24DCCA9E/6e400002-b5a3-f393-e0a9-e50e24dcca9e,6e400003-b5a3-f393-e0a9-e50e24dcca9e',
      'ble://AA:BB:CC:DD:EE:FF/nus',
    ],
    ['//AA:BB:CC:DD:EE:FF/0x180d/0x2A37,0x00002a38', 'ble://AA:BB:CC:DD:EE:FF/0x180d/0x2a37,0x2a38'],
    // A number that is the serial port's in SDP has no name in GATT.
    ['//AA:BB:CC:DD:EE:FF/0x1101/0x1101,0x12345678', 'ble://AA:BB:CC:DD:EE:FF/0x1101/0x1101,0x12345678'],
    ['//0123456789abcdef0123456789abcdef/nus', 'ble://0123456789abcdef0123456789abcdef/nus'],
    ['//5F2d7C1E-0000-4000-8000-00AA/nus', 'ble://5F2d7C1E-0000-4000-8000-00AA/nus'],
    [
      '//AA:BB:CC:DD:EE:FF/6e400001-b5a3-f393-e0a9-e50e24dcca9e/0x2a37,0x2a37',
      'ble://AA:BB:CC:DD:EE:FF/6e400001-b5a3-f393-e0a9-e50e24dcca9e/0x2a37,0x2a37',
    ],
  ])('%s is %s', (rest, text) => {
    expect(formatBle(parse(rest))).toBe(text)
    expect(parse(text.slice('ble:'.length))).toEqual(parse(rest))
  })

  test.each([
    ['', /it must be ble:\/\/device/],
    ['AA:BB:CC:DD:EE:FF/nus', /it must be/],
    ['//AA:BB:CC:DD:EE:FF', /it must be/],
    ['//AA:BB:CC:DD:EE:FF/nus/', /UUIDs of two characteristics/],
    ['//AA:BB:CC:DD:EE:FF/nus/0x1,0x2/x', /it must be/],
    ['//AA:BB:CC:DD:EE:FF/uart', /"uart" is not nus/],
    ['//AA:BB:CC:DD:EE:FF/', /"" is not nus/],
    ['//AA:BB:CC:DD:EE/nus', /the device 'AA:BB:CC:DD:EE'/],
    ['//AA:BB:CC:DD:EE:FG/nus', /the device/],
    ['//any/nus', /the device 'any'/],
    ['//00:00:00:00:00:00/nus', /the device/],
    ['///nus', /the device ''/],
    ['//a b/nus', /the device 'a b'/],
    [`//${'x'.repeat(129)}/nus`, /the device/],
    ['//AA:BB:CC:DD:EE:FF/0x180d/0x2a37', /two characteristics/],
    ['//AA:BB:CC:DD:EE:FF/0x180d/0x2a37,0x2a38,0x2a39', /two characteristics/],
    ['//AA:BB:CC:DD:EE:FF/180d/0x2a37,0x2a38', /the service '180d'/],
    ['//AA:BB:CC:DD:EE:FF/0x180d/,0x2a38', /the write characteristic ''/],
    ['//AA:BB:CC:DD:EE:FF/0x180d/0x2a37,2a38', /the notify characteristic '2a38'/],
    ['//AA:BB:CC:DD:EE:FF/0x180d/0x2a37,0x2a38?x', /the notify characteristic/],
  ])('%j names the part that is wrong', (rest, message) => {
    expect(errorOf(() => parse(rest))).toMatchObject({ code: 'ERR_ADDRESS_INVALID', name: 'SocketError' })
    expect(() => parse(rest)).toThrow(message)
  })

  test.each([
    [{ device: 5 }, /the device 5/],
    [{ device: undefined }, /the device undefined/],
    [{ service: undefined }, /the service undefined/],
    [{ write: 'x' }, /the write characteristic 'x'/],
    [{ notify: {} }, /the notify characteristic/],
  ])('as an object with %o is refused', (wrong, message) => {
    const address = { ...parse('//AA:BB:CC:DD:EE:FF/nus'), ...wrong } as unknown as BleAddress
    expect(errorOf(() => formatBle(address)).code).toBe('ERR_ADDRESS_INVALID')
    expect(() => formatBle(address)).toThrow(message)
  })
})
