// The rows that are measured, and what is asked of each:
//
//   workload, peerWorkload   what workloads/ has of this name; the peer's where it is another
//   peer, peerName           a library of libraries/, and what it is called in the table
//   atLeast, atMost          the target for the ratio of ours to the peer's
//   limit                    the target for our share of what the C reference does
//   p99AtMostPeers           that our slowest round trips are to be no slower than the peer's
//   unit                     what the numbers are told in
//   cost                     what the processor's time is told for: `per` units of the workload's own
//   of                       the processes whose time counts, where it is not client and server

const streamed = { unit: { name: 'GB/s', scale: 1e9 }, cost: { name: '64 KiB', per: 65_536 } }
const perSecond = (name, scale = 1e3) => ({
  unit: { name: scale === 1e6 ? `million ${name}s/s` : `thousand ${name}s/s`, scale },
  cost: { name, per: 1 },
})
const writes = perSecond('write', 1e6)
const trips = perSecond('trip')
const messages = perSecond('message')
const connections = perSecond('connection')
const requests = perSecond('request')

export const rows = [
  {
    id: 'W1 unix',
    text: 'unix stream, 64 KiB writes',
    workload: 'unix-stream-64k',
    peer: 'node',
    peerName: 'node:net',
    atLeast: 1.5,
    limit: 0.7,
    hasReference: true,
    ...streamed,
  },
  {
    id: 'W2 tcp',
    text: 'tcp stream, 64 KiB writes',
    workload: 'tcp-stream-64k',
    peer: 'node',
    peerName: 'node:net',
    atLeast: 1.1,
    hasReference: true,
    ...streamed,
  },
  ...['unix', 'tcp'].map((scheme) => ({
    id: `W3 ${scheme}`,
    text: `${scheme} stream, 100 B writes`,
    workload: `${scheme}-stream-100`,
    peer: 'node',
    peerName: 'node:net',
    atLeast: 5,
    hasReference: true,
    ...writes,
  })),
  ...[
    ['unix', 1.3],
    ['tcp', 1.1],
  ].map(([scheme, atLeast]) => ({
    id: `W4 ${scheme}`,
    text: `${scheme} echo, 64 B`,
    workload: `${scheme}-echo`,
    peer: 'node',
    peerName: 'node:net',
    atLeast,
    p99AtMostPeers: true,
    limit: 0.5,
    hasReference: true,
    ...trips,
  })),
  ...[64, 1200].map((size) => ({
    id: `W5 ${size}`,
    text: `udp ${size} B, sendBatch and 'batch'`,
    workload: `udp-${size}`,
    peer: 'node',
    peerName: 'node:dgram',
    atLeast: 10,
    limit: 0.3,
    hasReference: true,
    ...messages,
  })),
  ...[64, 1200].map((size) => ({
    id: `W6 ${size}`,
    text: `udp ${size} B, send and 'message'`,
    workload: `udp-${size}-each`,
    peer: 'node',
    peerName: 'node:dgram',
    atLeast: 3,
    ...messages,
  })),
  {
    id: 'W7 udp',
    text: 'udp echo, 64 B',
    workload: 'udp-echo',
    peer: 'node',
    peerName: 'node:dgram',
    atLeast: 1.2,
    hasReference: true,
    ...trips,
  },
  {
    id: 'W8 unixgram',
    text: 'unixgram 256 B, one way',
    workload: 'unixgram-256',
    peer: 'unix-dgram',
    peerName: 'unix-dgram',
    atLeast: 3,
    limit: 0.6,
    hasReference: true,
    ...messages,
  },
  {
    id: 'W9 unixpacket',
    text: 'unixpacket echo, 64 B',
    workload: 'unixpacket-echo',
    peer: 'node',
    peerName: 'node:net, unix',
    peerWorkload: 'unix-echo',
    atLeast: 1.3,
    hasReference: true,
    ...trips,
  },
  ...['unix', 'tcp'].map((scheme) => ({
    id: `W10 ${scheme}`,
    text: `${scheme} connect, 1 B, close`,
    workload: `${scheme}-connections`,
    peer: 'node',
    peerName: 'node:net',
    atLeast: 1.2,
    hasReference: true,
    ...connections,
  })),
  {
    id: 'W11 tcp',
    text: 'memory of an idle connection',
    workload: 'tcp-memory',
    peer: 'node',
    peerName: 'node:net',
    atMost: 0.8,
    isMemory: true,
    unit: { name: 'KiB/connection', scale: 1024 },
  },
  ...[1, 1000].map((streams) => ({
    id: `W12 ${streams}`,
    text: `relay tcp to unix, ${streams} stream${streams === 1 ? '' : 's'}`,
    workload: 'relay',
    streams,
    peer: 'node',
    peerName: 'node:net pipe',
    atLeast: 1.3,
    of: ['relay'],
    ...streamed,
  })),
  {
    id: 'W13 http',
    text: 'node:http, 16 kept connections',
    workload: 'http',
    peer: 'node',
    peerName: 'node:http',
    atLeast: 1,
    of: ['server'],
    ...requests,
  },
]
