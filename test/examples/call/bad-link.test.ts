import { once } from 'node:events'
// The package's own copy, as the example has it: each copy of it has memory names of its own.
import {
  type Address,
  bind,
  connect,
  type DatagramEndpoint,
  type Faults,
  formatAddress,
  type Listener,
  listen,
  memoryLink,
  type StreamEndpoint,
} from 'polysocket'
import { expect, test } from 'vitest'
import { type BadLink, badLink } from '../../../examples/call/network/bad-link.ts'
import { python as runPython } from '../../cli/support.ts'
import { MiB, receiveAll, receiveText, sendRandom } from '../../support/bytes.ts'
import { given, type Need, nothing, python, scheme } from '../../support/need.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary.ts'

interface Place {
  readonly name: string
  readonly need: Need
  address(directory: TemporaryDirectory): string
}

const streams: readonly Place[] = [
  { name: 'tcp', need: scheme('tcp'), address: () => 'tcp://127.0.0.1:0' },
  { name: 'unix', need: scheme('unix'), address: ({ file }) => `unix:${file('s')}` },
  { name: 'memory', need: nothing, address: () => 'memory:behind-a-bad-link' },
]

const datagrams: readonly Place[] = [
  { name: 'udp', need: scheme('udp'), address: () => 'udp://127.0.0.1:0' },
  { name: 'unixgram', need: scheme('unixgram'), address: ({ file }) => `unixgram:${file('d')}` },
  { name: 'memorygram', need: nothing, address: () => 'memorygram:behind-a-bad-link' },
]

const LOSSES: Faults = { loss: 0.05, delay: 2, jitter: 2, seed: 5 }

async function stream(address: Address | string): Promise<StreamEndpoint> {
  const endpoint = (await connect(address, { allowHalfOpen: true })) as StreamEndpoint
  // A link that closes at the end of a test resets what is still connected.
  return endpoint.on('error', () => undefined)
}

async function messages(link: BadLink): Promise<DatagramEndpoint> {
  return (await connect(link.address)) as DatagramEndpoint
}

/** Sends back what comes, and ends when the other side has. */
function echo(listener: Listener): Listener {
  return listener.on('connection', (endpoint) => {
    const one = endpoint as StreamEndpoint
    one.on('error', () => undefined)
    one.pipe(one)
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Sends so many numbered messages, not faster than a reader in the same process takes them. */
async function sendNumbered(client: DatagramEndpoint, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await client.send(String(number))
    if (number % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

for (const { name, need, address } of streams) {
  given(need)(`a stream arrives whole in both directions, however much is lost (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = echo(await listen(address(directory), { allowHalfOpen: true }))
    await using link = await badLink(formatAddress(target.address), LOSSES)
    const client = await stream(link.address)
    const [sent, received] = await Promise.all([sendRandom(client, MiB), receiveAll(client)])
    expect(received).toEqual(sent)
    expect(link.stats.lost).toBeGreaterThan(0)
    expect(link.stats.retransmitted).toBe(link.stats.lost)
    expect(link.stats.bytes).toBeGreaterThanOrEqual(2 * MiB)
    await until(() => target.connections === 0)
  })

  given(need)(`each direction ends by itself, even at once and with nothing sent (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await listen(address(directory), { allowHalfOpen: true })
    await using link = await badLink(formatAddress(target.address), { delay: 5 })
    const accepted = target.accept()
    const client = await stream(link.address)
    client.end()
    const server = (await accepted) as StreamEndpoint
    expect(await receiveText(server)).toBe('')
    server.end('an answer after the end')
    expect(await receiveText(client)).toBe('an answer after the end')
  })

  given(need)(`a reset at one end is a reset at the other, no end (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await listen(address(directory), { allowHalfOpen: true })
    await using link = await badLink(formatAddress(target.address), {})
    const accepted = target.accept()
    const client = await stream(link.address)
    client.write('unread')
    const server = (await accepted) as StreamEndpoint
    await until(() => server.bytesRead === 6)
    // A Unix stream has no reset of its own: closing with bytes unread is one (unix(7)).
    server.pause()
    client.write('more')
    await until(() => link.stats.bytes === 10)
    const failed = once(client, 'error')
    client.resume()
    server.resetAndDestroy()
    client.write('and more')
    const [error] = (await failed) as [NodeJS.ErrnoException]
    expect(error.code).toMatch(/^(ECONNRESET|EPIPE)$/)
    await until(() => target.connections === 0)
  })

  given(need)(`a reader that does not read holds up the writer (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await listen(address(directory))
    await using link = await badLink(formatAddress(target.address), {})
    const accepted = target.accept()
    const client = await stream(link.address)
    const server = (await accepted) as StreamEndpoint
    server.pause()
    const chunk = Buffer.alloc(65_536, 7)
    let written = 0
    let last = -1
    // Written until half a second passes in which nobody takes anything.
    while (written > last && written < 256 * MiB) {
      last = written
      const end = performance.now() + 500
      while (performance.now() < end) {
        while (client.writableLength < 65_536) {
          client.write(chunk)
          written += chunk.length
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    // The buffers of four endpoints, of the memory's pipe and of the kernel's socket, which grows to 10 MiB for tcp.
    expect(written).toBeLessThan(24 * MiB)
    const received = receiveAll(server)
    server.resume()
    client.end()
    expect(await received).toMatchObject({ bytes: written })
  })

  given(need)(
    `an interruption cuts what there is, refuses what comes, and then all is as before (${name})`,
    async () => {
      await using directory = await temporaryDirectory()
      await using target = echo(await listen(address(directory), { allowHalfOpen: true }))
      await using link = await badLink(formatAddress(target.address), LOSSES)
      const client = await stream(link.address)
      client.write('before')
      await once(client, 'data')
      const cut = once(client, 'error')
      const whole = link.interrupt(1_500)
      expect(await cut).toMatchObject([{ code: 'ECONNRESET' }])
      await until(() => target.connections === 0)
      await expect(connect(link.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      const before = link.stats
      expect(before.cuts).toBe(1)
      expect(before.bytes).toBeGreaterThanOrEqual(12)
      await whole
      expect(memoryLink(link.address).faults).toEqual(LOSSES)
      const next = await stream(link.address)
      next.end('after')
      expect(await receiveText(next)).toBe('after')
      expect(link.stats.bytes).toBe(before.bytes + 10)
      expect(link.stats.cuts).toBe(1)
    },
  )
}

for (const { name, need, address } of datagrams) {
  given(need)(`what the link does not lose arrives, and nothing else is missing (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await bind(address(directory))
    await using link = await badLink(formatAddress(target.local as Address), LOSSES)
    await using client = await messages(link)
    const received = new Set<string>()
    target.on('message', ({ data }) => received.add(data.toString()))
    await sendNumbered(client, 2_000)
    await until(() => received.size + link.stats.lost >= 2_000)
    expect(received.size + link.stats.lost).toBe(2_000)
    expect(link.stats).toMatchObject({ packets: 2_000, duplicated: 0 })
    // 100 of 2,000 on average; six standard deviations of the binomial distribution, sqrt(2000 * 0.05 * 0.95), are 58.
    expect(link.stats.lost).toBeGreaterThan(42)
    expect(link.stats.lost).toBeLessThan(158)
    expect(link.undelivered).toBe(0)
  })

  given(need)(`a burst waits on the link, and no message of it is dropped (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await bind(address(directory), name === 'udp' ? { receiveBuffer: 16 * MiB } : {})
    await using link = await badLink(formatAddress(target.local as Address), {})
    await using client = await messages(link)
    const count = name === 'udp' ? 200 : 10_000
    let received = 0
    target.on('message', ({ data }) => expect(data.toString()).toBe(String(received++)))
    const { failed } = await client.sendBatch(Array.from({ length: count }, (_, number) => ({ data: String(number) })))
    expect(failed).toEqual([])
    await until(() => received === count)
    expect(link.undelivered).toBe(0)
  })

  given(need)(`answers go to whom they are for (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await bind(address(directory))
    target.on('message', ({ data, from }) => void target.send(`${data} answered`, from))
    await using link = await badLink(formatAddress(target.local as Address), { delay: 3 })
    const clients = [await messages(link), await messages(link), await messages(link)]
    const ask = async (client: DatagramEndpoint, index: number): Promise<void> => {
      for (let question = 0; question < 10; question++) {
        await client.send(`${index}: ${question}`)
        const answer = await client.receive({ timeout: 20_000 })
        expect(answer?.data.toString()).toBe(`${index}: ${question} answered`)
      }
    }
    await Promise.all(clients.map(ask))
    await Promise.all(clients.map((client) => client.close()))
  })

  given(need)(`an interruption loses messages, counts them, and keeps the sender's address (${name})`, async () => {
    await using directory = await temporaryDirectory()
    await using target = await bind(address(directory))
    await using link = await badLink(formatAddress(target.local as Address), {})
    await using client = await messages(link)
    await client.send('before')
    const before = await target.receive()
    const whole = link.interrupt(1_500)
    await client.send('meanwhile')
    await until(() => link.stats.lost === 1)
    await whole
    await client.send('after')
    const after = await target.receive()
    expect(after?.data.toString()).toBe('after')
    expect(after?.from).toEqual(before?.from)
    expect(link.stats.lost).toBe(1)
  })
}

given(scheme('unixpacket'))(
  'messages with connections: each sender has one, and gets a new one (unixpacket)',
  async () => {
    await using directory = await temporaryDirectory()
    await using target = await listen(`unixpacket:${directory.file('p')}`)
    await using link = await badLink(formatAddress(target.address), { ...LOSSES, jitter: 0 })
    await using client = await messages(link)
    const received: number[] = []
    const first = target.accept() as Promise<unknown> as Promise<DatagramEndpoint>
    const sending = sendNumbered(client, 1_000)
    const server = await first
    server.on('message', ({ data }) => received.push(Number(data)))
    await sending
    await until(() => received.length + link.stats.lost >= 1_000)
    expect(received.length + link.stats.lost).toBe(1_000)
    expect(link.stats.lost).toBeGreaterThan(0)
    // Without jitter they keep their order.
    expect(received).toEqual([...received].sort((one, other) => one - other))
    await server.send('an answer')
    const lossless = { ...LOSSES, loss: 0 }
    memoryLink(link.address).faults = lossless
    await server.send('another')
    let answer = await client.receive({ timeout: 20_000 })
    if (answer?.data.toString() === 'an answer') answer = await client.receive({ timeout: 20_000 })
    expect(answer?.data.toString()).toBe('another')

    const second = target.accept() as Promise<unknown> as Promise<DatagramEndpoint>
    await server.close()
    // Until the link has noticed, messages go to the connection that is gone.
    let accepted: DatagramEndpoint | undefined
    void second.then((endpoint) => (accepted = endpoint))
    while (accepted === undefined) {
      await client.send('again')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect((await accepted.receive())?.data.toString()).toBe('again')

    const gone = once(accepted.on('error', () => undefined).resume(), 'close')
    void (async (endpoint: DatagramEndpoint) => {
      while ((await endpoint.receive()) !== undefined);
      await endpoint.close()
    })(accepted)
    await link.interrupt(0)
    await gone
  },
)

const PYTHON_ECHO = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready')
while True:
    data, sender = s.recvfrom(65536)
    s.sendto(b'python had ' + data, sender)
`

given(python, scheme('unixgram'))("Python's socket can answer: the link gives itself a name", async () => {
  await using directory = await temporaryDirectory()
  const peer = runPython(PYTHON_ECHO, directory.file('python'))
  await peer.says(/ready/, 'stdout')
  await using link = await badLink(`unixgram:${directory.file('python')}`, {})
  await using client = await messages(link)
  await client.send('this')
  expect((await client.receive())?.data.toString()).toBe('python had this')
  await peer.kill()
})

given(scheme('unix'), scheme('unixgram'))('a target that is not there, and then is', async () => {
  await using directory = await temporaryDirectory()
  await using link = await badLink(`unix:${directory.file('s')}`, {})
  const client = await stream(link.address)
  expect(await once(client.resume(), 'error')).toMatchObject([{ code: 'ECONNRESET' }])
  await using target = echo(await listen(`unix:${directory.file('s')}`, { allowHalfOpen: true }))
  const next = await stream(link.address)
  next.end('hello')
  expect(await receiveText(next)).toBe('hello')
  expect(target.stats().accepted).toBe(1)

  await using other = await badLink(`unixgram:${directory.file('d')}`, {})
  await using sender = await messages(other)
  await sender.send('nobody has this')
  await until(() => other.undelivered === 1)
  await using receiver = await bind(`unixgram:${directory.file('d')}`)
  await sender.send('hello')
  expect((await receiver.receive())?.data.toString()).toBe('hello')
  expect(other.undelivered).toBe(1)
})

given(scheme('unixgram'))(
  'an answer that is longer than the link carries is not delivered, and the rest is',
  async () => {
    await using directory = await temporaryDirectory()
    await using target = await bind(`unixgram:${directory.file('d')}`)
    await using link = await badLink(`unixgram:${directory.file('d')}`, {})
    await using client = await messages(link)
    await client.send('how much?')
    const question = await target.receive()
    await target.send(Buffer.alloc(65_508), question?.from)
    await target.send(Buffer.alloc(65_507), question?.from)
    expect((await client.receive())?.data.length).toBe(65_507)
    expect(link.undelivered).toBe(1)
  },
)

test('close resets what is connected, ends an interruption, and may be called twice', async () => {
  await using target = echo(await listen('memory:to-be-closed', { allowHalfOpen: true }))
  const link = await badLink('memory:to-be-closed', { delay: 20 })
  const client = await stream(link.address)
  client.write(Buffer.alloc(MiB))
  await once(client, 'data')
  const reset = once(client.resume(), 'error')
  await Promise.all([link.close(), link.close()])
  expect(await reset).toMatchObject([{ code: 'ECONNRESET' }])
  await until(() => target.connections === 0)
  await expect(connect(link.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await expect(link.interrupt(1)).rejects.toThrow('the link is closed')

  const interrupted = await badLink('memory:to-be-closed', {})
  const whole = interrupted.interrupt(1_000_000)
  await interrupted.close()
  await whole
  await expect(connect(interrupted.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('two interruptions at a time: the link is whole after the longer one', async () => {
  await using target = echo(await listen('memory:interrupted-twice', { allowHalfOpen: true }))
  await using link = await badLink('memory:interrupted-twice', {})
  const long = link.interrupt(1_500)
  await link.interrupt(1)
  await expect(connect(link.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await long
  const client = await stream(link.address)
  client.end('hello')
  expect(await receiveText(client)).toBe('hello')
  expect(target.closed).toBe(false)
  await expect(link.interrupt(-1)).rejects.toThrow(RangeError)
  await expect(link.interrupt(Number.NaN)).rejects.toThrow(RangeError)
})

test('what cannot be is said at once', async () => {
  await expect(badLink('nonsense:x', {})).rejects.toMatchObject({ code: 'ERR_FAMILY_UNKNOWN' })
  await expect(badLink('tcp://', {})).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
  await expect(badLink('memory:x', { loss: 2 })).rejects.toThrow('loss is 2, and must be from 0 to 1')
  await expect(badLink('memorygram:x', { loss: 2 })).rejects.toThrow('loss is 2, and must be from 0 to 1')
})
