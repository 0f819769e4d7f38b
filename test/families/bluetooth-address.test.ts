import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BluetoothAddress, L2capAddress, RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { bluetoothDefinition } from '../../src/families/bluetooth/sockets.ts'
import { bluetooth } from '../../src/families/bluetooth.ts'
import { createSockets } from '../../src/index.ts'
import { given, python } from '../support/need.ts'

const { parseAddress, formatAddress, toSocat } = createSockets([bluetooth])

const rfcomm = (bdaddr: string, channel: number): RfcommAddress => ({
  family: 'bluetooth',
  scheme: 'rfcomm',
  bdaddr,
  channel,
})
const l2cap = (bdaddr: string, psm: number, type?: L2capAddress['type']): L2capAddress => ({
  family: 'bluetooth',
  scheme: 'l2cap',
  bdaddr,
  ...(type !== undefined && { type }),
  psm,
})
const DEVICE = 'AA:BB:CC:DD:EE:FF'
const SPP = '00001101-0000-1000-8000-00805f9b34fb'

describe('text', () => {
  const cases: readonly [string, unknown, string?][] = [
    [`rfcomm://${DEVICE}/3`, rfcomm(DEVICE, 3)],
    ['rfcomm://aa:bb:cc:dd:ee:0f/30', rfcomm('AA:BB:CC:DD:EE:0F', 30), 'rfcomm://AA:BB:CC:DD:EE:0F/30'],
    ['rfcomm://any/0', rfcomm('any', 0)],
    ['rfcomm://00:00:00:00:00:00/1', rfcomm('any', 1), 'rfcomm://any/1'],
    [`rfcomm://${DEVICE}/spp`, { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, service: SPP }],
    [
      `rfcomm://${DEVICE}/0x1101`,
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, service: SPP },
      `rfcomm://${DEVICE}/spp`,
    ],
    [
      `rfcomm://${DEVICE}/6E400001-B5A3-F393-E0A9-E50E24DCCA9E`,
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, service: '6e400001-b5a3-f393-e0a9-e50e24dcca9e' },
      `rfcomm://${DEVICE}/6e400001-b5a3-f393-e0a9-e50e24dcca9e`,
    ],
    [`l2cap://${DEVICE}/0x1001`, l2cap(DEVICE, 0x1001)],
    [`l2cap://${DEVICE}/4097`, l2cap(DEVICE, 0x1001), `l2cap://${DEVICE}/0x1001`],
    ['l2cap://any/0', l2cap('any', 0), 'l2cap://any/0x0000'],
    [`l2cap://${DEVICE}/0x0080?type=le-public`, l2cap(DEVICE, 0x80, 'le-public')],
    [`l2cap://${DEVICE}/0x00ff?type=le-random`, l2cap(DEVICE, 0xff, 'le-random')],
    [`l2cap://${DEVICE}/1?type=bredr`, l2cap(DEVICE, 1), `l2cap://${DEVICE}/0x0001`],
    [
      `l2cap://${DEVICE}?cid=4&type=le-public`,
      { family: 'bluetooth', scheme: 'l2cap', bdaddr: DEVICE, type: 'le-public', cid: 4 },
    ],
  ]
  test.each(cases)('%s', (text, address, canonical = text) => {
    expect(parseAddress(text)).toEqual(address)
    expect(formatAddress(address as BluetoothAddress)).toBe(canonical)
    expect(formatAddress(text)).toBe(canonical)
  })

  test.each([
    ['rfcomm:', /must be rfcomm:/],
    [`rfcomm:${DEVICE}/3`, /must be rfcomm:/],
    [`rfcomm://${DEVICE}`, /must be rfcomm:/],
    [`rfcomm://${DEVICE}/3/4`, /must be rfcomm:/],
    ['rfcomm://AA:BB:CC:DD:EE/3', /device "AA:BB:CC:DD:EE"/],
    ['rfcomm://AA:BB:CC:DD:EE:GG/3', /device "AA:BB:CC:DD:EE:GG"/],
    ['rfcomm://AABBCCDDEEFF/3', /device/],
    ['rfcomm://hci0/3', /device "hci0"/],
    [`rfcomm://${DEVICE}/31`, /channel 31/],
    [`rfcomm://${DEVICE}/`, /"" is no channel/],
    [`rfcomm://${DEVICE}/-1`, /"-1" is no channel/],
    [`rfcomm://${DEVICE}/3.5`, /"3.5" is no channel/],
    [`rfcomm://${DEVICE}/toaster`, /"toaster" is no channel/],
    [`rfcomm://${DEVICE}/0x110`, /"0x110" is no channel/],
    ['l2cap:', /must be l2cap:/],
    [`l2cap://${DEVICE}`, /a PSM or a CID/],
    [`l2cap://${DEVICE}/`, /PSM "" is no number/],
    [`l2cap://${DEVICE}/0x1000`, /PSM 0x1000 is not odd/],
    [`l2cap://${DEVICE}/0x1101`, /bit 8 clear/],
    [`l2cap://${DEVICE}/0x10001`, /PSM 0x10001 is not one of 0x0 to 0xffff/],
    [`l2cap://${DEVICE}/0x100?type=le-public`, /PSM 0x100 is not one of 0x0 to 0xff/],
    [`l2cap://${DEVICE}/1?cid=4`, /a PSM or a CID, and not both/],
    [`l2cap://${DEVICE}?cid=0`, /CID 0x0/],
    [`l2cap://${DEVICE}/1?type=classic`, /type "classic"/],
    [`l2cap://${DEVICE}/1?kind=le`, /"kind" is neither/],
    [`l2cap://${DEVICE}/1?type=bredr&type=bredr`, /given twice/],
  ])('%s is refused, and why', (text, why) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID', message: expect.stringMatching(why) }),
    )
  })

  test('addresses that are data are checked alike', () => {
    const bad = [
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE },
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, channel: 3, service: SPP },
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, channel: '3' },
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: 7, channel: 3 },
      { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, service: 'toaster' },
      { family: 'bluetooth', scheme: 'l2cap', bdaddr: DEVICE, psm: 1, cid: 4 },
      { family: 'bluetooth', scheme: 'l2cap', bdaddr: DEVICE, psm: Number.NaN },
      { family: 'bluetooth', scheme: 'l2cap', bdaddr: DEVICE, psm: 1, type: 'le' },
      { family: 'bluetooth' },
    ]
    for (const address of bad) {
      expect(() => formatAddress(address as BluetoothAddress), JSON.stringify(address)).toThrow(
        expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
      )
    }
    expect(
      formatAddress({
        family: 'bluetooth',
        scheme: 'rfcomm',
        bdaddr: DEVICE.toLowerCase(),
        service: 'spp',
      } as BluetoothAddress),
    ).toBe(`rfcomm://${DEVICE}/spp`)
  })

  test('any text is an address or ERR_ADDRESS_INVALID, and never cut to fit', () => {
    fc.assert(
      fc.property(fc.constantFrom('rfcomm', 'l2cap', 'ble'), fc.string(), (scheme, rest) => {
        try {
          const canonical = formatAddress(`${scheme}:${rest}`)
          expect(formatAddress(canonical)).toBe(canonical)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
        }
      }),
    )
  })
})

describe('sockaddr', () => {
  const bdaddr = fc
    .uint8Array({ minLength: 6, maxLength: 6 })
    .map((bytes) =>
      [...bytes].every((byte) => byte === 0)
        ? 'any'
        : [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':'),
    )
  const addresses = fc.oneof(
    fc.tuple(bdaddr, fc.integer({ min: 0, max: 30 })).map(([device, channel]) => rfcomm(device, channel)),
    fc.tuple(bdaddr, fc.integer({ min: 0, max: 0x7f })).map(([device, half]) => l2cap(device, (half << 9) | 1)),
    fc
      .tuple(bdaddr, fc.integer({ min: 0, max: 0xff }), fc.constantFrom('le-public' as const, 'le-random' as const))
      .map(([device, psm, type]) => l2cap(device, psm, type)),
  )

  test('what is encoded decodes to the same address', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const name = bluetoothDefinition.encode(address)
        expect(bluetoothDefinition.decode(name, address.scheme)).toEqual(address)
        expect(parseAddress(formatAddress(address))).toEqual(address)
      }),
    )
  })

  given(python)('the bytes are those of the C structures', () => {
    const script = `
import struct
b = bytes.fromhex('AABBCCDDEEFF')[::-1]
print(struct.pack('=H6sBx', 31, b, 7).hex())
print((struct.pack('=H', 31) + struct.pack('<H6sHB', 0x1001, b, 0, 0) + b'\\0').hex())
print((struct.pack('=H', 31) + struct.pack('<H6sHB', 0x81, b, 0, 2) + b'\\0').hex())
print((struct.pack('=H', 31) + struct.pack('<H6sHB', 0, b, 4, 1) + b'\\0').hex())
`
    const lines = execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
    const ours = [
      rfcomm(DEVICE, 7),
      l2cap(DEVICE, 0x1001),
      l2cap(DEVICE, 0x81, 'le-random'),
      { family: 'bluetooth', scheme: 'l2cap', bdaddr: DEVICE, type: 'le-public', cid: 4 } as L2capAddress,
    ]
    expect(ours.map((address) => Buffer.from(bluetoothDefinition.encode(address)).toString('hex'))).toEqual(lines)
  })

  test('a name that is cut short is no address', () => {
    for (const address of [rfcomm(DEVICE, 1), l2cap(DEVICE, 1)]) {
      const name = bluetoothDefinition.encode(address)
      expect(bluetoothDefinition.decode(name.subarray(0, 2), address.scheme)).toBeUndefined()
    }
  })
})

describe('before anything is opened', () => {
  const resolve = (text: string, purpose: 'connect' | 'listen') =>
    bluetoothDefinition.resolve?.(parseAddress(text) as RfcommAddress | L2capAddress, purpose)

  test.each([
    ['rfcomm://any/3', /needs a device/],
    [`rfcomm://${DEVICE}/0`, /channel 0/],
    ['l2cap://any/0x1001', /needs a device/],
    [`l2cap://${DEVICE}/0`, /PSM 0/],
  ])('connect to %s is refused', (text, why) => {
    expect(() => resolve(text, 'connect')).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID', message: expect.stringMatching(why) }),
    )
  })

  test('a service is nothing to listen on', () => {
    expect(() => resolve('rfcomm://any/spp', 'listen')).toThrow(/to be connected to/)
  })

  test('socat has words for them', () => {
    expect(toSocat(`rfcomm://${DEVICE}/7`)).toBe('SOCKET-CONNECT:31:3:xffeeddccbbaa0700')
    expect(toSocat(`l2cap://${DEVICE}/0x1001`)).toBe('SOCKET-CONNECT:31:0:x0110ffeeddccbbaa00000000,type=5')
    expect(() => toSocat('rfcomm://any/7')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
  })
})
