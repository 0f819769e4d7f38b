import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { bind, connect, type DatagramEndpoint, type EngineName, type SocketError, socketpair } from '../../src/index.ts'
import { given, need, scheme } from '../support/need.ts'

const ipv6 = need(
  Object.values(networkInterfaces()).some((one) => one?.some(({ address }) => address === '::1')),
  'there is no IPv6 loopback',
  'sysctl net.ipv6.conf.lo.disable_ipv6=0',
)

async function refusal(socket: DatagramEndpoint, data: Uint8Array | string, to?: string): Promise<SocketError> {
  try {
    await socket.send(data, to)
  } catch (error) {
    return error as SocketError
  }
  throw new Error('the message was sent')
}

describe.each<[string, EngineName]>([
  ['udp', 'kernel'],
  ['udp', 'node'],
])('%s of the %s engine', (name, engine) => {
  given(scheme(name, engine))('a message that is too long: where it was to go, and what the limit is', async () => {
    await using socket = await bind('udp://127.0.0.1:0', { engine })
    const error = await refusal(socket, Buffer.alloc(65_508), 'udp://127.0.0.1:9')
    expect(error).toMatchObject({ code: 'EMSGSIZE', syscall: 'send', address: 'udp://127.0.0.1:9' })
    expect(error.message).toBe(
      'send EMSGSIZE udp://127.0.0.1:9: a message has at most 65507 bytes here, and this one has 65508',
    )
  })
})

given(scheme('udp'), ipv6)(
  'a message that may not be cut into packets: what fits into one on the way to the peer',
  async () => {
    await using receiver = await bind('udp://[::1]:0')
    await using socket = (await connect(receiver.local as never)) as DatagramEndpoint
    const dontFragment = Buffer.from(new Int32Array([2]).buffer)
    socket.setOption({ level: 41, name: 23 }, dontFragment)
    const mtu = (socket.getOption({ level: 41, name: 24 }) as Buffer).readInt32LE()
    const { message } = await refusal(socket, Buffer.alloc(mtu - 47))
    expect(message).toMatch(new RegExp(`: a message has at most ${mtu - 48} bytes here, and this one has ${mtu - 47}$`))
    await socket.send(Buffer.alloc(mtu - 48))
  },
)

given(scheme('unixpacket'))('the limit is that of the send buffer as it is now', async () => {
  const [near, far] = socketpair('unixpacket')
  await using _ = far
  await using socket = near
  socket.setOption('sendBuffer', 20_000)
  const limit = (socket.getOption('sendBuffer') as number) - 32
  const { message } = await refusal(socket, Buffer.alloc(limit + 1))
  expect(message).toBe(`send EMSGSIZE: a message has at most ${limit} bytes here, and this one has ${limit + 1}`)
})

test('memorygram says so, too', async () => {
  await using socket = await bind(`memorygram:errors-${process.pid}`)
  const { message } = await refusal(socket, Buffer.alloc(65_508), 'memorygram:nobody')
  expect(message).toContain('at most 65507 bytes')
})

given(scheme('udp'))('a broadcast that was not asked for: which option it takes', async () => {
  await using socket = await bind('udp://0.0.0.0:0')
  const error = await refusal(socket, 'x', 'udp://255.255.255.255:9')
  expect(error).toMatchObject({ code: 'EACCES', address: 'udp://255.255.255.255:9' })
  expect(error.message).toMatch(/takes the option broadcast$/)
})

given(scheme('unixgram'))('a path that is not there, and a peer that is gone, are named', async () => {
  await using socket = await bind('unixgram:?unnamed')
  expect((await refusal(socket, 'x', 'unixgram:/nowhere/socket')).message).toBe(
    'send ENOENT unixgram:/nowhere/socket: there is no directory /nowhere',
  )
  const receiver = await bind(`unixgram:@errors-${process.pid}`)
  await using sender = await connect(receiver.local as never)
  await receiver.close()
  const address = `unixgram:@errors-${process.pid}`
  expect(await refusal(sender as DatagramEndpoint, 'x')).toMatchObject({ code: 'ECONNREFUSED', address })
  // The kernel has forgotten the peer by now.
  expect(await refusal(sender as DatagramEndpoint, 'x')).toMatchObject({ code: 'ENOTCONN', address })
})

given(scheme('udp'))('an error that comes while receiving names the peer', async () => {
  const gone = await bind('udp://127.0.0.1:0')
  await using socket = (await connect(gone.local as never)) as DatagramEndpoint
  const { port } = gone.local as { port: number }
  await gone.close()
  const received = socket.receive({ timeout: 5000 })
  await socket.send('x')
  await expect(received).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    syscall: 'recv',
    address: `udp://127.0.0.1:${port}`,
  })
})

given(scheme('udp'))('the stack has the caller in it: who awaited, or called', async () => {
  await using socket = await bind('udp://127.0.0.1:0')
  const long = Buffer.alloc(70_000)
  // The test runner maps stacks to the sources, and leaves out `async`.
  const stackOf = (run: () => unknown): Promise<string | undefined> =>
    Promise.resolve()
      .then(run)
      .then(
        () => undefined,
        (error: Error) => error.stack,
      )
  async function awaitingCaller(): Promise<void> {
    await socket.send(long, 'udp://127.0.0.1:9')
  }
  expect(await stackOf(awaitingCaller)).toMatch(/at (async )?awaitingCaller/)
  expect(await stackOf(() => Promise.all([awaitingCaller(), awaitingCaller()]))).toMatch(/at (async )?awaitingCaller/)
  async function patientCaller(): Promise<void> {
    await socket.send(long, 'udp://127.0.0.1:9', { timeout: 5000 })
  }
  expect(await stackOf(patientCaller)).toMatch(/at (async )?patientCaller/)
  async function receivingCaller(): Promise<void> {
    await socket.receive({ timeout: 1 })
  }
  expect(await stackOf(receivingCaller)).toMatch(/at (async )?receivingCaller/)
  function callingNow(): void {
    socket.trySend(long, 'udp://127.0.0.1:9')
  }
  expect(await stackOf(callingNow)).toContain('at callingNow')
  async function wrongCaller(): Promise<void> {
    await socket.send('x', 'nonsense')
  }
  expect(await stackOf(wrongCaller)).toContain('at wrongCaller')
})

given(scheme('udp'))('the stack has in it who iterates', async () => {
  const gone = await bind('udp://127.0.0.1:0')
  await using socket = (await connect(gone.local as never)) as DatagramEndpoint
  await gone.close()
  async function iteratingCaller(): Promise<void> {
    for await (const message of socket) expect(message).toBeUndefined()
  }
  const iterated = iteratingCaller()
  await socket.send('x')
  await expect(iterated).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    stack: expect.stringMatching(/at (async )?iteratingCaller/),
  })
})
