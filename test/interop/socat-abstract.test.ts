import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import {
  bind,
  connect,
  type DatagramEndpoint,
  formatAddress,
  type Listener,
  listen,
  type StreamEndpoint,
  toSocat,
} from '../../src/index.ts'
import { MiB, receiveAll, sendRandom } from '../support/bytes.ts'
import { given, scheme, socat } from '../support/need.ts'
import { answerOne, paste, start, startListening } from '../support/socat.ts'

const limit = 30_000
let names = 0
const fresh = (): string => `polysocket-abstract-${process.pid}-${names++}`

/** As socat has them: exact by itself, filled up with NULs on request. */
const kinds = [
  { kind: 'exact', query: '', option: '' },
  { kind: 'padded', query: '?padded', option: ',unix-tightsocklen=0' },
] as const

describe.each(kinds)('abstract names with socat: $kind', ({ query, option }) => {
  given(socat, scheme('unix'))(
    'ABSTRACT-CONNECT: the line of toSocat reaches us',
    async () => {
      await using listener = await listen(`unix:@${fresh()}${query}`)
      const child = paste(listener.address)
      await using _ = child
      const accepted = await listener.accept({ timeout: 10_000 })
      const [sent, received] = await Promise.all([sendRandom(child.stdin, MiB), receiveAll(accepted as StreamEndpoint)])
      expect(received).toEqual(sent)
    },
    limit,
  )

  given(socat, scheme('unix'))(
    'ABSTRACT-LISTEN: we connect',
    async () => {
      const name = fresh()
      const { child } = await startListening(`ABSTRACT-LISTEN:${name}${option}`)
      await using _ = child
      const endpoint = (await connect(`unix:@${name}${query}`)) as StreamEndpoint
      const [sent, received] = await Promise.all([sendRandom(endpoint, MiB), receiveAll(endpoint)])
      expect(received).toEqual(sent)
    },
    limit,
  )

  given(socat, scheme('unixgram'))(
    'ABSTRACT-SENDTO: socat sends, and is answered at its name',
    async () => {
      const [ours, theirs] = [fresh(), fresh()]
      await using endpoint = (await bind(`unixgram:@${ours}${query}`)) as DatagramEndpoint
      const child = start('-', `ABSTRACT-SENDTO:${ours}${option},bind=${theirs}`)
      expect(await answerOne(endpoint, child)).toBe(`unixgram:@${theirs}${query}`)
    },
    limit,
  )

  given(socat, scheme('unixgram'))(
    'ABSTRACT-RECVFROM: we send, and socat answers',
    async () => {
      const [ours, theirs] = [fresh(), fresh()]
      const { child } = await startListening(`ABSTRACT-RECVFROM:${theirs}${option}`)
      await using _ = child
      await using endpoint = await bind(`unixgram:@${ours}${query}`)
      await endpoint.send('ping', `unixgram:@${theirs}${query}`)
      const answer = await endpoint.receive({ timeout: 10_000 })
      expect(String(answer?.data)).toBe('ping')
      expect(answer?.from && formatAddress(answer.from)).toBe(`unixgram:@${theirs}${query}`)
    },
    limit,
  )

  given(socat, scheme('unixpacket'))(
    'ABSTRACT-CONNECT,type=5: the line of toSocat reaches us',
    async () => {
      await using listener = (await listen(`unixpacket:@${fresh()}${query}`)) as Listener<DatagramEndpoint>
      expect(toSocat(listener.address)).toContain(`,type=5${option}`)
      const child = paste(listener.address)
      await answerOne(await listener.accept({ timeout: 10_000 }), child)
    },
    limit,
  )

  given(socat, scheme('unixpacket'))(
    'ABSTRACT-LISTEN,type=5: 100 messages are echoed, each one whole',
    async () => {
      const name = fresh()
      const { child } = await startListening(`ABSTRACT-LISTEN:${name},type=5${option}`)
      await using _ = child
      await using endpoint = (await connect(`unixpacket:@${name}${query}`)) as DatagramEndpoint
      for (let at = 1; at <= 100; at++) {
        // socat reads up to 8,192 bytes at a time.
        const data = randomBytes(at * 80)
        await endpoint.send(data)
        expect((await endpoint.receive({ timeout: 10_000 }))?.data.equals(data)).toBe(true)
      }
      await endpoint.end()
      expect(await endpoint.receive({ timeout: 15_000 })).toBeUndefined()
    },
    limit,
  )
})

given(socat, scheme('unixpacket'))(
  'two socats talk through us: what one sends, the other gets, message by message',
  async () => {
    await using listener = (await listen(`unixpacket:@${fresh()}`)) as Listener<DatagramEndpoint>
    const [one, other] = [paste(listener.address), paste(listener.address)]
    await using _one = one
    await using _other = other
    const ends = [await listener.accept({ timeout: 10_000 }), await listener.accept({ timeout: 10_000 })] as const
    for (const [from, to] of [ends, [ends[1], ends[0]]] as const) {
      void (async () => {
        for await (const { data } of from) await to.send(data)
        await to.end()
      })()
    }
    one.stdin.write('from one to the other\n')
    expect(await other.line()).toBe('from one to the other')
    other.stdin.write('and back\n')
    expect(await one.line()).toBe('and back')
    one.stdin.end()
    other.stdin.end()
    expect((await one.exited).code).toBe(0)
    expect((await other.exited).code).toBe(0)
  },
  limit,
)
