import type { EndReason } from './signalling/call-state.ts'
import type { VideoReport } from './video/receive-video.ts'
import type { VoiceReport } from './voice/voice-report.ts'

/** What one side of a call has to tell after it. It crosses from process to process, so it is plain data. */
export interface SideReport {
  readonly ended: EndReason
  /** From the invitation until it was accepted, in milliseconds. */
  readonly setUp: number
  readonly voice: VoiceReport
  /** The WAV file of what this side heard. */
  readonly recording: string
  readonly textsSent: readonly string[]
  readonly textsReceived: readonly string[]
  /** Of the side that is answered: how long it waited for the answer that came latest, in milliseconds. */
  readonly slowestAnswer?: number
  /** How often signalling was lost, and for how many milliseconds in all. */
  readonly interruptions: number
  readonly away: number
  /** Of the side that received it. */
  readonly video?: VideoReport
  /** Why a film could not be sent, or received, where that was so. */
  readonly videoProblem?: string
}
