import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { describe, expect } from 'vitest'
import {
  type Address,
  bind,
  connect,
  type DatagramEndpoint,
  type EngineName,
  formatAddress,
  type Listener,
  listen,
  parseAddress,
  type StreamEndpoint,
  toSocat,
} from '../../src/index.ts'
import { MiB, randomChunks, receiveAll, sendRandom } from '../support/bytes.ts'
import type { Child } from '../support/child.ts'
import { given, scheme, socat } from '../support/need.ts'
import { answerOne, paste, start, startListening } from '../support/socat.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const total = 8 * MiB
const limit = 30_000

const abstract = `@polysocket-socat-${process.pid}`

interface StreamCase {
  readonly title: string
  readonly scheme: 'tcp' | 'unix'
  readonly engine: EngineName
  ours(directory: string): string
  /** The socat address that listens, and where it is then reached. */
  theirs(directory: string): string
  reach(directory: string, port: number): string
}

const streams: StreamCase[] = (['kernel', 'node'] as const).flatMap((engine) => [
  {
    title: `TCP4, ${engine} engine`,
    scheme: 'tcp',
    engine,
    ours: () => 'tcp://127.0.0.1:0',
    theirs: () => 'TCP4-LISTEN:0,bind=127.0.0.1',
    reach: (_, port) => `tcp://127.0.0.1:${port}`,
  },
  {
    title: `TCP6, ${engine} engine`,
    scheme: 'tcp',
    engine,
    ours: () => 'tcp://[::1]:0',
    theirs: () => 'TCP6-LISTEN:0,bind=[::1]',
    reach: (_, port) => `tcp://[::1]:${port}`,
  },
  {
    title: `UNIX, ${engine} engine`,
    scheme: 'unix',
    engine,
    ours: (directory) => `unix:${directory}/ours`,
    theirs: (directory) => `UNIX-LISTEN:${directory}/theirs`,
    reach: (directory) => `unix:${directory}/theirs`,
  },
])
streams.push({
  title: 'ABSTRACT, kernel engine',
  scheme: 'unix',
  engine: 'kernel',
  ours: () => `unix:${abstract}-ours`,
  theirs: () => `ABSTRACT-LISTEN:${abstract.slice(1)}-theirs`,
  reach: () => `unix:${abstract}-theirs`,
})

describe.each(streams)('streams with socat: $title', (each) => {
  const test = given(socat, scheme(each.scheme, each.engine))

  test(
    'socat connects by the line of toSocat and we echo 8 MiB',
    async () => {
      await using directory = await temporaryDirectory()
      const options = { engine: each.engine }
      await using listener = (await listen(each.ours(directory.path), options)) as Listener<StreamEndpoint>
      listener.on('connection', (endpoint: StreamEndpoint) => endpoint.pipe(endpoint))
      await using child = paste(listener.address)
      const hash = createHash('sha256')
      for (const chunk of randomChunks(total)) {
        hash.update(chunk)
        child.stdin.write(chunk)
      }
      const received = receiveAll(child.stdout)
      child.stdin.end()
      expect(await received).toEqual({ bytes: total, sha256: hash.digest('hex') })
      expect((await child.exited).code).toBe(0)
    },
    limit,
  )

  test(
    'we connect and socat echoes 8 MiB',
    async () => {
      await using directory = await temporaryDirectory()
      const { child, port } = await startListening(each.theirs(directory.path))
      await using _ = child
      const endpoint = (await connect(each.reach(directory.path, port), { engine: each.engine })) as StreamEndpoint
      const [sent, received] = await Promise.all([sendRandom(endpoint, total), receiveAll(endpoint)])
      expect(received).toEqual(sent)
    },
    limit,
  )
})

describe('datagrams with socat', () => {
  for (const engine of ['kernel', 'node'] as const) {
    for (const [version, host] of [
      ['4', '127.0.0.1'],
      ['6', '[::1]'],
    ] as const) {
      given(socat, scheme('udp', engine))(
        `UDP${version}, ${engine} engine: socat sends by the line of toSocat`,
        async () => {
          await using endpoint = (await bind(`udp://${host}:0`, { engine })) as DatagramEndpoint
          expect(endpoint.local).toBeDefined()
          await answerOne(endpoint, paste(endpoint.local as Address))
        },
        limit,
      )

      given(socat, scheme('udp', engine))(
        `UDP${version}, ${engine} engine: we send to socat`,
        async () => {
          const { child } = await startListening(`UDP${version}-RECVFROM:0,bind=${host}`)
          await using _ = child
          const address = `udp://${host}:${udpPort(child, version)}`
          await using endpoint = (await connect(address, { engine })) as DatagramEndpoint
          await endpoint.send('ping')
          expect(String((await endpoint.receive({ timeout: 10_000 }))?.data)).toBe('ping')
        },
        limit,
      )
    }
  }

  given(socat, scheme('unixgram'))(
    'UNIX-SENDTO: socat sends, and is answered at its name',
    async () => {
      await using directory = await temporaryDirectory()
      await using endpoint = (await bind(`unixgram:${directory.file('ours')}`)) as DatagramEndpoint
      const child = start('-', `UNIX-SENDTO:${directory.file('ours')},bind=${directory.file('theirs')}`)
      expect(await answerOne(endpoint, child)).toBe(`unixgram:${directory.file('theirs')}`)
    },
    limit,
  )

  given(socat, scheme('unixgram'))(
    'UNIX-SENDTO: the line of toSocat reaches us',
    async () => {
      await using directory = await temporaryDirectory()
      await using endpoint = (await bind(`unixgram:${directory.file('ours')}`)) as DatagramEndpoint
      await using child = paste(endpoint.local as Address)
      child.stdin.end('ping')
      expect(String((await endpoint.receive({ timeout: 10_000 }))?.data)).toBe('ping')
    },
    limit,
  )

  given(socat, scheme('unixgram'))(
    'UNIX-RECVFROM: we send, and socat answers',
    async () => {
      await using directory = await temporaryDirectory()
      const { child } = await startListening(`UNIX-RECVFROM:${directory.file('theirs')}`)
      await using _ = child
      await using endpoint = (await bind(`unixgram:${directory.file('ours')}`)) as DatagramEndpoint
      await endpoint.send('ping', parseAddress(`unixgram:${directory.file('theirs')}`))
      const answer = await endpoint.receive({ timeout: 10_000 })
      expect(String(answer?.data)).toBe('ping')
      expect(answer?.from && formatAddress(answer.from)).toBe(`unixgram:${directory.file('theirs')}`)
    },
    limit,
  )

  given(socat, scheme('unixpacket'))(
    'UNIX-CONNECT,type=5: socat connects by the line of toSocat',
    async () => {
      await using directory = await temporaryDirectory()
      await using listener = (await listen(`unixpacket:${directory.file('ours')}`)) as Listener<DatagramEndpoint>
      expect(toSocat(listener.address)).toMatch(/type=5/)
      const child = paste(listener.address)
      const accepted = listener.accept({ timeout: 10_000 })
      await answerOne(await accepted, child)
    },
    limit,
  )

  given(socat, scheme('unixpacket'))(
    'UNIX-LISTEN,type=5: we connect',
    async () => {
      await using directory = await temporaryDirectory()
      const { child } = await startListening(`UNIX-LISTEN:${directory.file('theirs')},type=5`)
      await using _ = child
      await using endpoint = (await connect(`unixpacket:${directory.file('theirs')}`)) as DatagramEndpoint
      for (const text of ['one', 'two', 'three']) {
        await endpoint.send(text)
        expect(String((await endpoint.receive({ timeout: 10_000 }))?.data)).toBe(text)
      }
    },
    limit,
  )
})

/** The port of a socat that said port 0: the inode of its socket stands in the kernel's table with the port. */
function udpPort(child: Child, version: '4' | '6'): number {
  const directory = `/proc/${child.pid}/fd`
  const inodes = readdirSync(directory).map((fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${fd}`))?.[1])
  const table = readFileSync(version === '4' ? '/proc/net/udp' : '/proc/net/udp6', 'utf8')
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    if (inodes.includes(fields[9])) return Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)
  }
  throw new Error('socat has no UDP socket')
}
