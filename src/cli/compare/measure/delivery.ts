import { nextTurn, performance } from '../../../core/timers.ts'
import { isStream } from '../../open.ts'
import type { Plan } from '../plan.ts'
import type { Delivery, Journey } from '../result.ts'
import { Arrivals } from './arrivals.ts'
import { FrameReader, frame } from './frames.ts'
import { type Link, openLink } from './link.ts'
import type { Ends } from './meeting.ts'
import { numberedMessage, readNumber } from './numbered-message.ts'
import { pauseUntil, untilQuiet } from './quiet.ts'

export interface Delivered {
  readonly delivery: Delivery
  readonly journeys: readonly Journey[]
}

/** Sends numbered messages, one every interval, and finds out what becomes of each. Throws for one that was damaged. */
export async function measureDelivery(
  ends: Ends,
  plan: Plan,
  onSent: (sent: number) => void = () => undefined,
): Promise<Delivered> {
  const { messages, size } = plan
  const arrivals = new Arrivals(messages)
  const sent: number[] = []
  const { damaged, link, pack } = openNumbered(ends, size, (message) =>
    arrivals.add(readNumber(message, size, sent.length), performance.now()),
  )
  const pause = pauseUntil(ends.over)
  const sendAll = async (): Promise<void> => {
    const startedAt = performance.now()
    for (let number = 0; number < messages; number++) {
      const ahead = startedAt + number * plan.interval - performance.now()
      // A turn of the event loop all the same, so that what arrives is seen when it does.
      await (ahead > 0 ? pause(ahead) : nextTurn(undefined, { signal: ends.over }))
      const message = pack(numberedMessage(number, size))
      sent.push(performance.now())
      await link.write(message)
      onSent(number + 1)
    }
    const patience = ends.near.facts.reliable ? plan.patience : plan.silence
    const count = (): number => arrivals.count
    await untilQuiet(patience, count, () => arrivals.isComplete, pause)
    if (arrivals.isComplete) await untilQuiet(plan.afterwards, count, () => false, pause)
  }
  await Promise.race([sendAll(), ends.broken, damaged])
  return { delivery: arrivals.delivery(), journeys: journeysOf(sent, arrivals.times) }
}

interface Numbered {
  readonly link: Link
  /** What is written for a message. */
  readonly pack: (message: Buffer) => Buffer
  /** Rejects when something arrives that was not sent so. */
  readonly damaged: Promise<never>
}

/** Message by message, where the scheme keeps their boundaries; by frames of ours on a stream. */
function openNumbered(ends: Ends, size: number, onMessage: (message: Buffer) => void): Numbered {
  const isFramed = isStream(ends.far)
  const reader = new FrameReader(size)
  let fail: (error: unknown) => void = () => undefined
  const damaged = new Promise<never>((_, reject) => (fail = reject))
  damaged.catch(() => undefined)
  const link = openLink(ends, (bytes) => {
    try {
      for (const message of isFramed ? reader.push(bytes) : [bytes]) onMessage(message)
    } catch (error) {
      fail(error)
    }
  })
  return { link, pack: isFramed ? frame : (message) => message, damaged }
}

function journeysOf(sent: readonly number[], arrived: readonly (number | undefined)[]): Journey[] {
  const [first = 0] = sent
  return sent.map((time, number) => {
    const arrival = arrived[number]
    return { sent: time - first, arrived: arrival === undefined ? undefined : arrival - first }
  })
}
