import { join } from 'node:path'
import { formatAddress, type Listener, listen, type StreamEndpoint } from 'polysocket'
import { Interruptions } from './interruptions.ts'
import type { Places } from './network/places.ts'
import { readTarget } from './network/target.ts'
import { offerVoice } from './network/voice-channel.ts'
import type { SideReport } from './side.ts'
import type { Call } from './signalling/call.ts'
import { answerCalls } from './signalling/switchboard.ts'
import { receiveVideo, type VideoReport } from './video/receive-video.ts'
import { VoiceLeg } from './voice-leg.ts'

export interface Answerer {
  /** Where it can be called. */
  readonly address: string
  /** Of its first call, when that is over. */
  readonly report: Promise<SideReport>
  close(): Promise<void>
}

/** Waits for a call and takes it: speaks, listens, watches the video that comes, and answers each text with a tick. */
export async function startAnswerer(places: Places, speech: Int16Array, folder: string): Promise<Answerer> {
  const listener = await listenForStreams(places.signalling)
  let onCall: (call: Call) => void = () => undefined
  const report = new Promise<Call>((resolve) => (onCall = resolve)).then((call) =>
    takeCall(call, places, speech, folder),
  )
  // Whoever asks for it learns of a failure; before that it is nobody's.
  report.catch(() => undefined)
  const switchboard = answerCalls(listener, onCall)
  return { address: formatAddress(listener.address), report, close: () => switchboard.close() }
}

async function takeCall(call: Call, places: Places, speech: Int16Array, folder: string): Promise<SideReport> {
  const rangAt = performance.now()
  const voice = await offerVoice(places.voice)
  const videos = await listenForStreams(places.video)
  const leg = new VoiceLeg('answerer', voice.channel, speech, folder)
  const watched = watch(videos, folder)
  const interruptions = new Interruptions(call)
  const textsSent: string[] = []
  const textsReceived: string[] = []
  call.on('text', (text) => {
    textsReceived.push(text)
    const answer = `✓ ${text}`
    textsSent.push(answer)
    call.say(answer)
  })
  call.answer({ voice: voice.address, video: formatAddress(videos.address) })
  const setUp = performance.now() - rangAt

  const ended = await call.ended
  await videos.close()
  const video = await watched
  return {
    ended,
    setUp,
    ...(await leg.stop()),
    textsSent,
    textsReceived,
    interruptions: interruptions.count,
    away: interruptions.away,
    ...(video !== undefined && { video }),
  }
}

/** The first video that comes; `undefined` when the call ended without one. */
async function watch(videos: Listener<StreamEndpoint>, folder: string): Promise<VideoReport | undefined> {
  let endpoint: StreamEndpoint
  try {
    endpoint = await videos.accept()
  } catch {
    return undefined
  }
  return receiveVideo(endpoint, { saveAs: join(folder, 'video.mp4') })
}

async function listenForStreams(place: string): Promise<Listener<StreamEndpoint>> {
  return (await listen(readTarget(place, 'stream').address)) as Listener<StreamEndpoint>
}
