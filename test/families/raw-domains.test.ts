import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'
import { describe, expect } from 'vitest'
import { inetDefinition } from '../../src/families/inet.ts'
import type { RawAddress } from '../../src/families/raw.ts'
import { bind, connect, listen, type Message } from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { rawAddress } from '../support/raw.ts'

const AF_INET = 2
const AF_PACKET = 17
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const ETH_P_ALL = 0x0003
/** For experiments: IEEE Std 802. */
const ETH_P_EXPERIMENT = 0x88b5

const REPEATING = `
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    sock.sendto(sys.argv[1].encode(), ('127.0.0.1', 9))
    time.sleep(0.02)
`

const root = need(process.getuid?.() === 0, 'a raw socket needs CAP_NET_RAW', 'run the tests as root')

/** An ethertype as socket(2) takes it: a number whose bytes in memory are in network order. */
const networkOrder = (ethertype: number): number =>
  endianness() === 'LE' ? ((ethertype & 0xff) << 8) | (ethertype >> 8) : ethertype

/** struct sockaddr_ll of packet(7), for the loopback device. */
function onLoopback(ethertype: number): Uint8Array {
  const name = new DataView(new ArrayBuffer(20))
  name.setUint16(0, AF_PACKET, endianness() === 'LE')
  name.setUint16(2, ethertype)
  name.setInt32(4, Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8')), endianness() === 'LE')
  name.setUint8(11, 6)
  return new Uint8Array(name.buffer)
}

const packets = (type: number, ethertype: number): RawAddress =>
  rawAddress(AF_PACKET, type, networkOrder(ethertype), onLoopback(ethertype))

const ipv4 = (host: string, port = 0): Uint8Array =>
  inetDefinition.encode({ family: 'inet', scheme: 'udp', host, port })

async function messageWith(
  messages: AsyncIterable<Message>,
  isIt: (data: Buffer) => boolean,
): Promise<Message | undefined> {
  for await (const message of messages) if (isIt(message.data)) return message
  return undefined
}

describe('packet(7)', () => {
  const test = given(scheme('raw'), root, python)

  test('every frame of the loopback device comes in: a datagram of another process', async () => {
    await using frames = await bind(packets(SOCK_RAW, ETH_P_ALL))
    const text = `captured-${process.pid}`
    // More than once: on a busy device some of what comes is lost.
    await using _ = new Child('python3', ['-c', REPEATING, text])
    const { data, from } = (await messageWith(frames, (frame) => frame.includes(text))) ?? {}
    // The IPv4 header stands behind the 14 bytes of Ethernet's, which say so.
    expect([data?.readUInt16BE(12), data?.readUInt8(14)]).toEqual([0x0800, 0x45])
    expect(Buffer.from((from as RawAddress).sockaddr).readUInt16BE(2)).toBe(0x0800)
  })

  test('frames without their header go to and come from a Python peer', async () => {
    await using peer = startPython('packets.py', { device: 'lo', ethertype: ETH_P_EXPERIMENT })
    await peer.report()
    await using frames = await bind(packets(SOCK_DGRAM, ETH_P_EXPERIMENT))
    await frames.send('to python', packets(SOCK_DGRAM, ETH_P_EXPERIMENT))
    const answer = await messageWith(frames, (data) => data.includes('answer'))
    expect(String(answer?.data)).toBe('answer to: to python')
  })
})

describe('other domains', () => {
  given(scheme('raw'), root)('raw(7): ICMP, an echo and its answer', async () => {
    await using icmp = await bind(rawAddress(AF_INET, SOCK_RAW, 1))
    await icmp.send(echoRequest(process.pid & 0xffff), rawAddress(AF_INET, SOCK_RAW, 1, ipv4('127.0.0.1')))
    const isAnswer = (packet: Buffer) => packet[20] === 0 && packet.readUInt16BE(24) === (process.pid & 0xffff)
    const { data, from } = (await messageWith(icmp, isAnswer)) ?? {}
    expect(String(data?.subarray(28))).toBe('echo')
    expect((from as RawAddress).sockaddr.subarray(4, 8)).toEqual(Uint8Array.of(127, 0, 0, 1))
  })

  given(scheme('raw'), pingGroup())('icmp(7): a ping socket, an echo and its answer', async () => {
    await using icmp = await bind(rawAddress(AF_INET, SOCK_DGRAM, 1))
    await icmp.send(echoRequest(0), rawAddress(AF_INET, SOCK_DGRAM, 1, ipv4('127.0.0.1')))
    const answer = await icmp.receive({ timeout: 5000 })
    expect([answer?.data[0], String(answer?.data.subarray(8))]).toEqual([0, 'echo'])
  })

  given(scheme('raw'))('udplite(7)', async () => {
    const IPPROTO_UDPLITE = 136
    await using one = await bind(rawAddress(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, ipv4('127.0.0.1')))
    await using two = await bind(rawAddress(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, ipv4('127.0.0.1')))
    await one.send('light', two.local)
    expect(await two.receive({ timeout: 5000 })).toMatchObject({ data: Buffer.from('light'), from: one.local })
  })

  given(scheme('raw'), need(hasMptcp(), 'the kernel has no Multipath TCP', 'sysctl net.mptcp.enabled=1'))(
    'Multipath TCP',
    async () => {
      const IPPROTO_MPTCP = 262
      await using listener = await listen(rawAddress(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, ipv4('127.0.0.1')))
      const client = await connect(listener.address)
      const server = await listener.accept()
      if (!('write' in client) || !('write' in server)) throw new Error('they are no streams')
      client.end('on many paths')
      server.end()
      expect(String(Buffer.concat(await server.toArray()))).toBe('on many paths')
      client.resume()
    },
  )
})

/** An ICMP message of RFC 792, with its checksum. */
function echoRequest(id: number): Buffer {
  const message = Buffer.from([8, 0, 0, 0, id >> 8, id & 0xff, 0, 1, ...Buffer.from('echo')])
  let sum = 0
  for (let at = 0; at < message.length; at += 2) sum += message.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  message.writeUInt16BE(~sum & 0xffff, 2)
  return message
}

function pingGroup() {
  const [least = 1, most = 0] = readFileSync('/proc/sys/net/ipv4/ping_group_range', 'utf8').split(/\s+/).map(Number)
  const group = process.getgid?.() ?? 0
  return need(
    least <= group && group <= most,
    'our group may open no ping socket',
    'run: sysctl net.ipv4.ping_group_range="0 2147483647"',
  )
}

function hasMptcp(): boolean {
  try {
    return readFileSync('/proc/sys/net/mptcp/enabled', 'utf8').trim() === '1'
  } catch {
    return false
  }
}
