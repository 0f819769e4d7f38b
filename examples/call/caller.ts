import { setTimeout as sleep } from 'node:timers/promises'
import { Chat } from './chat.ts'
import { Interruptions } from './interruptions.ts'
import type { BadLink } from './network/bad-link.ts'
import type { Route } from './network/route.ts'
import { openStream, readTarget } from './network/target.ts'
import { joinVoice } from './network/voice-channel.ts'
import type { SideReport } from './side-report.ts'
import type { Call } from './signalling/call.ts'
import { dial } from './signalling/dial.ts'
import type { Media } from './signalling/media.ts'
import { sendVideo } from './video/send-video.ts'
import { VoiceLeg } from './voice-leg.ts'

/** What a caller is to do. */
export interface CallPlan {
  /** Of the answerer. */
  readonly address: string
  readonly route: Route
  readonly speech: Int16Array
  /** How long to speak, in milliseconds. */
  readonly length: number
  /** The path of the film to send. */
  readonly film: string
  /** Milliseconds that signalling is cut for in the middle; 0 for not at all. */
  readonly outage: number
  /** Where the recording goes. */
  readonly folder: string
  /** Hangs up before it is over. */
  readonly signal: AbortSignal
  /** The answerer is known to be gone for good: there is nobody to tell. */
  readonly gone: AbortSignal
}

/** When to cut signalling, in milliseconds since the call was accepted. */
const CUT_AT = 1500

/** Calls, speaks, sends a film and a few texts, and hangs up. */
export async function placeCall(plan: CallPlan): Promise<SideReport> {
  const link = plan.outage > 0 ? await plan.route.link(plan.address) : undefined
  const address = link?.address ?? (await plan.route.via(plan.address))
  const call = dial(address, { from: 'caller', signal: plan.signal })
  const abandon = (): void => call.abandon()
  if (plan.gone.aborted) abandon()
  plan.gone.addEventListener('abort', abandon, { once: true })
  try {
    return await converse(call, link, plan)
  } finally {
    call.hangUp()
  }
}

/** `link`: what signalling is cut by, in the middle. */
async function converse(call: Call, link: BadLink | undefined, { route, ...plan }: CallPlan): Promise<SideReport> {
  const interruptions = new Interruptions(call)
  const dialledAt = performance.now()
  const media = await accepted(call)
  const setUp = performance.now() - dialledAt

  await using leg = new VoiceLeg('caller', await joinVoice(await route.via(media.voice)), plan.speech, plan.folder)
  const over = new AbortController()
  const chat = new Chat(call, over.signal)
  const cut = async (): Promise<void> => {
    await sleep(CUT_AT, undefined, { signal: over.signal })
    await link?.interrupt(plan.outage)
  }
  // A film that fails is no reason to end the call.
  let videoProblem: string | undefined
  const show = async (): Promise<void> => {
    try {
      const screen = await openStream(readTarget(await route.via(media.video), 'stream'), { signal: over.signal })
      await sendVideo(screen, plan.film, { signal: over.signal })
    } catch (error) {
      videoProblem = (error as Error).message
    }
  }
  const speaking = sleep(plan.length, undefined, { signal: over.signal })
  try {
    await Promise.race([Promise.all([chat.done, speaking, cut(), show()]), call.ended])
  } finally {
    over.abort()
    call.hangUp()
  }
  const ended = await call.ended
  // The far side has been told, or cannot be.
  await call.closed
  return {
    ended,
    setUp,
    ...(await leg.stop()),
    textsSent: chat.sent,
    textsReceived: chat.received,
    ...(chat.slowestAnswer !== undefined && { slowestAnswer: chat.slowestAnswer }),
    interruptions: interruptions.count,
    away: interruptions.away,
    ...(videoProblem !== undefined && { videoProblem }),
  }
}

function accepted(call: Call): Promise<Media> {
  return new Promise((resolve, reject) => {
    call.once('accepted', resolve)
    // Not by the event: a caller who was told to stop meanwhile has hung up before this.
    void call.ended.then(({ kind, reason }) =>
      reject(new Error(`the call was not accepted: ${[kind, reason].filter(Boolean).join(', ')}`)),
    )
  })
}
