import { join } from 'node:path'
import { formatAddress, type Listener, listen, type StreamEndpoint } from 'polysocket'
import { Interruptions } from './interruptions.ts'
import type { Places } from './network/places.ts'
import { readTarget } from './network/target.ts'
import { offerVoice } from './network/voice-channel.ts'
import type { SideReport } from './side-report.ts'
import type { Call } from './signalling/call.ts'
import { answerCalls } from './signalling/switchboard.ts'
import { Ticks } from './ticks.ts'
import { receiveVideo } from './video/receive-video.ts'
import { VoiceLeg } from './voice-leg.ts'

/** Somebody who can be called, once. */
export interface Answerer {
  /** Where it can be called. */
  readonly address: string
  /** Of its call, when that is over; rejects when the call could not be taken. */
  readonly report: Promise<SideReport>
  close(): Promise<void>
}

/** Waits for a call and takes it: speaks, listens, watches the video that comes, and answers each text with a tick. */
export async function startAnswerer(places: Places, speech: Int16Array, folder: string): Promise<Answerer> {
  const listener = await listenForStreams(places.signalling)
  let isTaken = false
  let tell: (report: Promise<SideReport>) => void = () => undefined
  const report = new Promise<SideReport>((resolve) => (tell = resolve))
  // Whoever asks for it learns of a failure; before that it is nobody's.
  report.catch(() => undefined)
  // While the call is on, the switchboard itself says busy to others.
  const switchboard = answerCalls(listener, (call) => {
    if (isTaken) call.decline('only one call is taken here')
    else tell(takeCall(call, places, speech, folder))
    isTaken = true
  })
  return { address: formatAddress(listener.address), report, close: () => switchboard.close() }
}

async function takeCall(call: Call, places: Places, speech: Int16Array, folder: string): Promise<SideReport> {
  const rangAt = performance.now()
  // At once: the caller may say something while it rings.
  const interruptions = new Interruptions(call)
  const ticks = new Ticks(call)
  try {
    await using voice = await offerVoice(places.voice)
    await using videos = await listenForStreams(places.video)
    await using leg = new VoiceLeg('answerer', voice, speech, folder)
    const watched = watch(videos, call.ended, folder)
    // The caller may have hung up meanwhile.
    if (call.state === 'ringing') call.answer({ voice: voice.address, video: formatAddress(videos.address) })
    const setUp = performance.now() - rangAt
    const ended = await call.ended
    await videos.close()
    return {
      ended,
      setUp,
      ...(await leg.stop()),
      textsSent: ticks.sent,
      textsReceived: ticks.received,
      interruptions: interruptions.count,
      away: interruptions.away,
      ...(await watched),
    }
  } catch (error) {
    // The caller learns at once, and of the reason.
    call.hangUp((error as Error).message)
    throw error
  }
}

/** The first video that comes: nothing when the call ended without one. It never rejects: a film that fails is no reason to end a call. */
async function watch(
  videos: Listener<StreamEndpoint>,
  callEnded: Promise<unknown>,
  folder: string,
): Promise<Pick<SideReport, 'video' | 'videoProblem'>> {
  let endpoint: StreamEndpoint
  try {
    endpoint = await videos.accept()
  } catch {
    return {}
  }
  // Whoever has connected and sends no film would be waited for.
  void callEnded.then(() => endpoint.destroy())
  try {
    return { video: await receiveVideo(endpoint, { saveAs: join(folder, 'video.mp4') }) }
  } catch (error) {
    return { videoProblem: (error as Error).message }
  }
}

async function listenForStreams(place: string): Promise<Listener<StreamEndpoint>> {
  return (await listen(readTarget(place, 'stream').address)) as Listener<StreamEndpoint>
}
