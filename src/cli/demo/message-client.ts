import { clearTimeout, performance, setTimeout } from '../../core/timers.ts'
import type { DatagramEndpoint, Message, OpenOptions } from '../../index.ts'
import { formatAddress } from '../../index.ts'
import { connectNamed, isDatagram, readTarget } from '../open.ts'
import { ECHO_BYTES, ECHO_TIME, type Effort, type Measured, median } from './measure.ts'
import type { Payload } from './payload.ts'
import { DATA_HEADER, decodeReport, encodeData, encodeStart, MESSAGE, type Report } from './protocol.ts'

/** Bytes of a message, its header included. */
const SIZE = 8192
/** Messages under way at a time. Where the scheme may lose them, so few that the default receive buffer takes them. */
const WINDOW = { reliable: 256, unreliable: 8 } as const
/** Of what an unreliable scheme may lose; more, on one machine and with few messages under way, is a defect. */
const TOLERATED_LOSS = 0.01
/** Of a question that is not answered: a peer on a busy machine may stand still for seconds. */
const ATTEMPTS = 30

/** The near side of a message scheme: echoes, then the file in numbered messages. */
export async function measureMessages(
  address: string,
  payload: Payload,
  effort: Effort,
  options: OpenOptions,
): Promise<Measured> {
  const endpoint = await connectNamed(readTarget(address).address, options)
  if (!isDatagram(endpoint)) throw new Error(`${address} did not make a datagram socket`)
  const client = new Client(endpoint, effort)
  const abort = (): void => void endpoint.close()
  options.signal?.addEventListener('abort', abort)
  try {
    const roundTrip = await client.echoes()
    const { seconds, pieces, report } = await client.transfer(payload.bytes)
    const from = endpoint.local === undefined ? undefined : formatAddress(endpoint.local)
    return { from, bytes: payload.bytes.length, seconds, roundTrip, verdict: judge(endpoint, payload, pieces, report) }
  } finally {
    options.signal?.removeEventListener('abort', abort)
    await endpoint.close()
  }
}

/** Holds the far side's report against what the facts promise. */
function judge({ facts }: DatagramEndpoint, payload: Payload, pieces: number, report: Report): string {
  const lost = pieces - report.received
  const found = `${pieces} messages, ${lost} lost, ${report.damaged} damaged, ${report.duplicates} doubled, ${report.outOfOrder} out of order`
  const acceptable =
    report.damaged === 0 &&
    (facts.reliable ? lost === 0 && report.duplicates === 0 : lost <= pieces * TOLERATED_LOSS) &&
    (!facts.ordered || report.outOfOrder === 0) &&
    (lost > 0 || report.sha256 === payload.sha256)
  if (!acceptable) throw new Error(found)
  const order = report.outOfOrder > 0 ? `, ${report.outOfOrder} out of order` : ''
  return lost === 0
    ? `SHA-256 equal, ${pieces} messages whole${order}`
    : `${lost} of ${pieces} messages lost, others whole${order}`
}

class Client {
  readonly #endpoint: DatagramEndpoint
  readonly #effort: Effort
  readonly #failed: Promise<never>
  /** By a message's first byte. */
  readonly #listeners: Map<number, (data: Buffer) => void> = new Map()

  constructor(endpoint: DatagramEndpoint, effort: Effort) {
    this.#endpoint = endpoint
    this.#effort = effort
    endpoint.on('message', ({ data }: Message) => this.#listeners.get(data[0] ?? -1)?.(data))
    this.#failed = new Promise<never>((_, reject) => {
      endpoint.on('error', reject)
      endpoint.once('end', () => reject(new Error('the peer ended')))
      endpoint.once('close', () => reject(new Error('the endpoint was closed')))
    })
    this.#failed.catch(() => undefined)
  }

  /** Median round trip in microseconds. An echo that does not come in time is sent again, and not measured. */
  async echoes(): Promise<number> {
    const { echoes, warmUp } = this.#effort
    const times: number[] = []
    let sent = 0
    const came = new Set<number>()
    const endAt = performance.now() + ECHO_TIME
    for (let round = -warmUp; round < echoes; round++) {
      if (times.length > 0 && performance.now() > endAt) break
      const message = Buffer.alloc(ECHO_BYTES, MESSAGE.echo)
      message.writeInt32BE(round, 1)
      const start = performance.now()
      const echo = this.#answer(MESSAGE.echo, (data) => {
        came.add(data.readInt32BE(1))
        return data.equals(message)
      })
      await this.#endpoint.send(message)
      sent++
      if ((await echo) !== undefined && round >= 0) times.push((performance.now() - start) * 1000)
    }
    const lost = sent - came.size
    if (lost > echoes * TOLERATED_LOSS) throw new Error(`${lost} of ${sent} echoes did not come back`)
    return median(times)
  }

  async transfer(bytes: Buffer): Promise<{ seconds: number; pieces: number; report: Report }> {
    const { facts } = this.#endpoint
    const size = Math.min(SIZE, facts.maxMessage ?? SIZE) - DATA_HEADER
    const pieces = Math.ceil(bytes.length / size)
    const window = facts.reliable ? WINDOW.reliable : WINDOW.unreliable
    await this.#ask(encodeStart({ pieces, size, total: bytes.length, ackEvery: window / 4 }), MESSAGE.ack)

    let received = 0
    let lost = 0
    let onAck: () => void = () => undefined
    this.#listeners.set(MESSAGE.ack, (data) => {
      received = Math.max(received, data.readUInt32BE(1))
      onAck()
    })
    const settle = async (sent: number, underWay: number): Promise<void> => {
      while (sent - lost - received > underWay) {
        const before = received
        const acked = new Promise<void>((resolve) => (onAck = resolve))
        await this.#race(acked, this.#effort.patience)
        if (received > before) continue
        // Messages were lost, or the far side is slow. It reports when it is through with what was sent before the question:
        // what it does not have then is not under way any more.
        received = Math.max(received, (await this.#report()).received)
        lost = sent - received
      }
    }
    const startedAt = performance.now()
    for (let sequence = 0; sequence < pieces; sequence++) {
      await settle(sequence, window - 1)
      await this.#endpoint.send(encodeData(sequence, bytes.subarray(sequence * size, (sequence + 1) * size)))
    }
    await settle(pieces, 0)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, pieces, report: await this.#report() }
  }

  async #report(): Promise<Report> {
    return decodeReport(await this.#ask(Buffer.from([MESSAGE.ask]), MESSAGE.report))
  }

  /** Asks until there is an answer: question and answer may be lost as all else. */
  async #ask(question: Buffer, kind: number): Promise<Buffer> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const came = this.#answer(kind)
      await this.#endpoint.send(question)
      const answer = await came
      if (answer !== undefined) return answer
    }
    throw new Error('the peer does not answer')
  }

  async #answer(kind: number, isIt: (data: Buffer) => boolean = () => true): Promise<Buffer | undefined> {
    const came = new Promise<Buffer>((resolve) => {
      this.#listeners.set(kind, (data) => {
        if (isIt(data)) resolve(data)
      })
    })
    return await this.#race(came, this.#endpoint.facts.reliable ? undefined : this.#effort.patience)
  }

  async #race<T>(wanted: Promise<T>, patience: number | undefined): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined
    const patienceEnds = new Promise<undefined>((resolve) => {
      if (patience !== undefined) timer = setTimeout(() => resolve(undefined), patience)
    })
    try {
      return await Promise.race([wanted, this.#failed, patienceEnds])
    } finally {
      clearTimeout(timer)
    }
  }
}
