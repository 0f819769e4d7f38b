import { errorText } from '../../report.ts'
import type { Plan } from '../plan.ts'
import { type Link, openLink } from './link.ts'
import type { Ends } from './meeting.ts'
import { pauseUntil, untilQuiet } from './quiet.ts'

export interface LargestMessage {
  /** What the endpoint says it is. */
  readonly declared: number
  /** What became of a message of that size: `arrived`, `lost`, or the code of the error that refused it. */
  readonly fate: string
  /** What a message of one byte more met: `sent`, or the code. */
  readonly beyond: string
}

/**
 * How often a message is sent again that may be lost. In parts of 1,500 bytes, of which one in twenty is lost, one message
 * of 65,507 bytes in ten comes through: all of these fail once in ten thousand times.
 */
const TRIES = 90

/**
 * Sends the largest message that there can be, and one that is a byte too long. `undefined` where there is no limit. Where
 * nothing `arrives` at all, there is no use in sending it often.
 */
export async function measureLargestMessage(
  ends: Ends,
  plan: Plan,
  arrives: boolean,
): Promise<LargestMessage | undefined> {
  const declared = ends.near.facts.maxMessage
  if (declared === undefined) return undefined
  const { reliable } = ends.near.facts
  const largest = Buffer.alloc(declared, 'largest')
  let arrived = false
  const link = openLink(ends, (read) => {
    arrived ||= read.equals(largest)
  })
  const { delay, jitter } = plan.faults
  const patience = reliable ? plan.patience : 50 + delay + jitter
  const sendOften = async (): Promise<string> => {
    for (let tries = reliable || !arrives ? 1 : TRIES; tries > 0; tries--) {
      const refusal = await refusalOf(link, largest)
      if (refusal !== undefined) return refusal
      await untilQuiet(
        patience,
        () => 0,
        () => arrived,
        pauseUntil(ends.over),
      )
      if (arrived) return 'arrived'
    }
    return 'lost'
  }
  const fate = await Promise.race([sendOften(), ends.broken])
  const refusal = await Promise.race([refusalOf(link, Buffer.alloc(declared + 1)), ends.broken])
  return { declared, fate, beyond: refusal ?? 'sent' }
}

/** The code of the error; `undefined` when the message was taken. */
async function refusalOf(link: Link, message: Buffer): Promise<string | undefined> {
  try {
    await link.write(message)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? errorText(error)
  }
}
