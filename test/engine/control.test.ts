import fc from 'fast-check'
import { expect, test } from 'vitest'
import { controlSpace, decodeControl, encodeControl } from '../../src/engine/control.ts'

const part = fc.record({
  level: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  type: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  data: fc.uint8Array({ maxLength: 40 }),
})

test('what is encoded decodes to the same parts, each on a boundary of its own', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const control = encodeControl(parts)
      expect(control.length).toBe(parts.reduce((total, { data }) => total + controlSpace(data.length), 0))
      expect(decodeControl(control).map((each) => ({ ...each, data: Uint8Array.from(each.data) }))).toEqual(parts)
    }),
  )
})

test('bytes of any kind decode to parts that lie within them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (control) => {
      const parts = decodeControl(control)
      expect(parts.length).toBeLessThanOrEqual(control.length / 16 + 1)
      for (const { data } of parts) expect(data.byteOffset + data.length).toBeLessThanOrEqual(control.length)
    }),
  )
})

test('a part that says it is longer than what is there is cut, and one that says it is shorter than its head ends it', () => {
  const control = encodeControl([{ level: 1, type: 2, data: Uint8Array.of(1, 2, 3, 4) }])
  control[0] = 200
  expect(decodeControl(control)).toMatchObject([{ level: 1, type: 2 }])
  control[0] = 3
  expect(decodeControl(control)).toEqual([])
})
