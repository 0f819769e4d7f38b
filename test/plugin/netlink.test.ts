import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { builtinFamilies, createSockets } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { netlink } from './netlink-family.ts'

const sockets = createSockets([...builtinFamilies, netlink])

/** struct nlmsghdr and struct rtgenmsg of rtnetlink(7): every link, please. */
function getLinks(): Buffer {
  const RTM_GETLINK = 18
  const NLM_F_REQUEST = 1
  const NLM_F_DUMP = 0x300
  const request = Buffer.alloc(17)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt16LE(RTM_GETLINK, 4)
  request.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6)
  return request
}

/** The names (IFLA_IFNAME) in a datagram of RTM_NEWLINK messages, and whether NLMSG_DONE came. */
function readLinks(data: Buffer): { names: string[]; done: boolean } {
  const RTM_NEWLINK = 16
  const NLMSG_DONE = 3
  const IFLA_IFNAME = 3
  const align = (length: number): number => (length + 3) & ~3
  const names: string[] = []
  for (let at = 0; at + 16 <= data.length; ) {
    const length = data.readUInt32LE(at)
    const type = data.readUInt16LE(at + 4)
    if (type === NLMSG_DONE) return { names, done: true }
    if (type !== RTM_NEWLINK) throw new Error(`an unexpected message of type ${type}`)
    for (let attribute = at + 32; attribute + 4 <= at + length; ) {
      const attributeLength = data.readUInt16LE(attribute)
      if (data.readUInt16LE(attribute + 2) === IFLA_IFNAME) {
        names.push(data.toString('latin1', attribute + 4, attribute + attributeLength - 1))
      }
      attribute += align(attributeLength)
    }
    at += align(length)
  }
  return { names, done: false }
}

given(scheme('unixgram'))(
  'a family outside the package asks the kernel for its links, without native code',
  async () => {
    const route = await sockets.bind('netlink:0')
    await route.send(getLinks(), 'netlink:0')
    const found: string[] = []
    for await (const { data, from } of route) {
      expect(from).toEqual({ family: 'netlink', scheme: 'netlink', port: 0, groups: 0 })
      const { names, done } = readLinks(data)
      found.push(...names)
      if (done) break
    }
    await route.close()
    expect(found).toContain('lo')
    expect(found).toEqual(expect.arrayContaining(Object.keys(networkInterfaces())))
  },
)

given(scheme('unixgram'))('the socket knows its own address, as the kernel chose it', async () => {
  await using route = await sockets.bind('netlink:0')
  expect(route.local).toMatchObject({ family: 'netlink', port: expect.any(Number) })
  expect((route.local as { port: number }).port).toBeGreaterThan(0)
  expect(sockets.formatAddress(route.local as never)).toMatch(/^netlink:\d+$/)
})

test('what it refuses is told as with any other family', () => {
  expect(() => sockets.parseAddress('netlink:lo')).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }))
})

test('two families may not claim one scheme', () => {
  expect(() => createSockets([netlink, { ...netlink, name: 'other' }])).toThrow(TypeError)
  expect(() => createSockets([netlink, netlink])).toThrow(TypeError)
})
