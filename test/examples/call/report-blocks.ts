import fc from 'fast-check'
import type { ReportBlock } from '../../../examples/call/voice/rtcp.ts'

/** 32 bits, often at the edges of what they can be. */
export const word: fc.Arbitrary<number> = fc.oneof(
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(0, 160, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
)

/** Any block that RTCP can carry. */
export const reportBlock: fc.Arbitrary<ReportBlock> = fc.record({
  ssrc: word,
  fractionLost: fc.nat({ max: 255 }),
  cumulativeLost: fc.integer({ min: -0x80_0000, max: 0x7f_ffff }),
  highestSequence: word,
  jitter: word,
  lastSenderReport: word,
  delaySinceLastSenderReport: word,
})
