import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Element } from '../../src/families/bluetooth/sdp/element.ts'
import { decodeElement } from '../../src/families/bluetooth/sdp/element-decoder.ts'
import { recordOf } from '../../src/families/bluetooth/sdp/record.ts'
import { type BluetoothService, serviceOf } from '../../src/families/bluetooth/sdp/services.ts'
import { uuidOfNumber } from '../../src/families/bluetooth/uuid.ts'
import { anyElement, bytes, element, hex, serialPort } from './sdp-support.ts'

/** A service with the attributes given as identifier and value, both in hexadecimal digits. */
function service(...attributes: readonly [identifier: string, value: string][]): BluetoothService {
  const digits = attributes.map(([identifier, value]) => `09${identifier}${value.replaceAll(' ', '')}`).join('')
  return serviceOf(recordOf(decodeElement(bytes(element(digits)))))
}

const seq = (...members: readonly string[]): string => element(members.join('').replaceAll(' ', ''))
const alternative = (...members: readonly string[]): string => element(members.join('').replaceAll(' ', ''), 7)
const text = (value: string): string => element(hex(Buffer.from(value)), 4)
const l2cap = seq('190100')
const rfcomm = (channel: string): string => seq('190003', channel)
const obex = seq('190008')

test('a serial port', () => {
  const { attributes, ...rest } = serviceOf(recordOf(decodeElement(bytes(serialPort))))
  expect(rest).toEqual({
    handle: 0x10005,
    uuids: [uuidOfNumber(0x1101)],
    name: 'Serial Port',
    description: 'COM Port',
    channel: 3,
    profiles: [{ uuid: uuidOfNumber(0x1101), version: 0x100 }],
  })
  expect([...attributes.keys()]).toEqual([0, 1, 4, 5, 6, 9, 0x100, 0x101])
})

test('a keyboard: two PSMs, of which the first is the service, and an attribute that is a PSM elsewhere', () => {
  const hid = seq('190011')
  expect(
    service(
      ['0001', seq('191124')],
      ['0004', seq(seq('190100 090011'), hid)],
      ['000d', seq(seq(seq('190100 090013'), hid))],
      ['0200', '090100'],
    ),
  ).toMatchObject({ uuids: [uuidOfNumber(0x1124)], psm: 0x11 })
})

test('OBEX over RFCOMM, and over L2CAP by an attribute of its own', () => {
  const push = service(['0004', seq(l2cap, rfcomm('0809'), obex)], ['0200', '091021'])
  expect(push).toMatchObject({ channel: 9, psm: 0x1021 })
})

test('an empty record', () => {
  const { attributes, ...rest } = service()
  expect(rest).toEqual({ uuids: [], profiles: [] })
  expect(attributes.size).toBe(0)
})

describe('protocols', () => {
  test.each<[string, string, Pick<BluetoothService, 'channel' | 'psm'>]>([
    ['RFCOMM with its own PSM named below it', seq(seq('190100 090003'), rfcomm('0805')), { channel: 5 }],
    [
      'UUIDs in their long forms',
      seq(seq('1a00000100'), seq('1c0000000300001000800000805f9b34fb 0805')),
      { channel: 5 },
    ],
    ['a channel of two bytes', seq(l2cap, rfcomm('090005')), { channel: 5 }],
    [
      'alternatives, of which the first has a channel',
      alternative(seq(l2cap, rfcomm('0807')), seq(l2cap, rfcomm('0808'))),
      { channel: 7 },
    ],
    [
      'alternatives, of which the second has a channel',
      alternative(seq(seq('190100 091001')), seq(l2cap, rfcomm('0808'))),
      { channel: 8, psm: 0x1001 },
    ],
    ['alternatives inside a list', seq(alternative(seq(l2cap, rfcomm('0807')))), { channel: 7 }],
    ['a protocol without its sequence', seq('190100', rfcomm('0807')), { channel: 7 }],
    ['no channel', seq(l2cap, seq('190003')), {}],
    ['channel 0', seq(l2cap, rfcomm('0800')), {}],
    ['channel 31', seq(l2cap, rfcomm('081f')), {}],
    ['a channel that is text', seq(l2cap, rfcomm(text('3'))), {}],
    ['a channel of eight bytes', seq(l2cap, rfcomm('0b0000000000000003')), {}],
    ['a negative channel', seq(l2cap, rfcomm('1003')), {}],
    ['nothing', seq(), {}],
    ['empty protocols', seq(seq(), seq()), {}],
    ['no list', '0803', {}],
    ['only UUIDs that mean nothing', seq(seq('190007 0803')), {}],
  ])('%s', (_, list, expected) => {
    const { channel, psm } = service(['0004', list])
    expect({ channel, psm }).toEqual({ channel: undefined, psm: undefined, ...expected })
  })
})

describe('names', () => {
  test('in the primary language, UTF-8, without the NUL of C', () => {
    const languages = seq('096465 09006a 090120', '09656e 09006a 090100')
    const named = service(['0006', languages], ['0100', text('Café\0')], ['0101', text('☕')], ['0120', text('Kaffee')])
    expect(named).toMatchObject({ name: 'Café', description: '☕' })
  })

  test('in the first language that has them, where the primary has not', () => {
    const languages = seq('09656e 09006a 090100', '096465 09006a 090120')
    expect(service(['0006', languages], ['0120', text('Uhr')], ['0122', text('Wir')])).toMatchObject({
      name: 'Uhr',
      provider: 'Wir',
    })
  })

  test('that are no text are left out', () => {
    const odd = service(['0006', seq('0801', '25016109006a')], ['0100', '090001'], ['0101', seq()])
    expect(odd).not.toHaveProperty('name')
    expect(odd).not.toHaveProperty('description')
    expect(odd.attributes.get(0x100)).toEqual({ type: 'uint', size: 2, value: 1 })
  })
})

test('classes: a list, one UUID without it, a list with strangers in it', () => {
  const spp = uuidOfNumber(0x1101)
  expect(service(['0001', '191101']).uuids).toEqual([spp])
  expect(service(['0001', seq('1a00001101', '0801', '191102')]).uuids).toEqual([spp, uuidOfNumber(0x1102)])
  expect(service(['0001', '0801']).uuids).toEqual([])
})

test('profiles: pairs, pairs without their sequences, without a version', () => {
  const spp = uuidOfNumber(0x1101)
  const hfp = uuidOfNumber(0x111e)
  const both = [
    { uuid: spp, version: 0x102 },
    { uuid: hfp, version: 0x10a },
  ]
  expect(service(['0009', seq(seq('191101 090102'), seq('19111e 09010a'))]).profiles).toEqual(both)
  expect(service(['0009', seq('191101 090102', '19111e 09010a')]).profiles).toEqual(both)
  expect(service(['0009', seq(seq('191101'), seq('0801'), seq())]).profiles).toEqual([{ uuid: spp }])
})

test('whatever a record holds, it is a service', () => {
  const identifier = fc.constantFrom(0, 1, 4, 6, 9, 0xd, 0x100, 0x101, 0x102, 0x200)
  fc.assert(
    fc.property(fc.array(fc.tuple(identifier, anyElement)), (attributes: [number, Element][]) => {
      const { uuids, profiles, channel, handle } = serviceOf(new Map(attributes))
      expect(uuids.every((uuid) => typeof uuid === 'string')).toBe(true)
      expect(profiles.every(({ uuid }) => typeof uuid === 'string')).toBe(true)
      expect(channel === undefined || (channel >= 1 && channel <= 30)).toBe(true)
      expect(['number', 'undefined']).toContain(typeof handle)
    }),
  )
})
