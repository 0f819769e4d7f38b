/** How a conversation went, as one side has it. Times are in milliseconds, shares from 0 to 1. */
export interface VoiceReport {
  /** Of RTP; octets are the payload's. */
  readonly sent: { readonly packets: number; readonly octets: number }
  readonly received: {
    /** As many as the sequence numbers say were sent to us. */
    readonly expected: number
    /** Different ones. */
    readonly packets: number
    readonly lost: number
    /** They came, but too late to be played. */
    readonly late: number
    readonly duplicates: number
    readonly reordered: number
    /** Frames of 20 ms that something was made up for. */
    readonly concealed: number
    /** How often playing began anew. */
    readonly restarts: number
  }
  /** RFC 3550's, at the end. */
  readonly jitter: number
  /** `undefined` when the other side never answered a report. */
  readonly roundTrip: number | undefined
  /** How long packets waited for their turn, on average. */
  readonly bufferDelay: number
  /** One way, from mouth to ear: half the round trip, the 20 ms that are in a packet, and the buffer's delay. */
  readonly delay: number
  /** Lost and late, of the expected. */
  readonly loss: number
  /** ITU-T G.107: R, 93.2 at best, and the opinion score that it stands for, 1 to 4.5; `undefined` when nothing came. */
  readonly rating: number | undefined
  readonly mos: number | undefined
  /** What the other side reported about us last; `undefined` when it never did. */
  readonly remote: { readonly loss: number; readonly jitter: number } | undefined
}
