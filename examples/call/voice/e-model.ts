/**
 * How good a call is, by the E-model: ITU-T G.107 (06/2015). It adds up what spoils a conversation (noise, delay, a codec,
 * lost packets) on one scale, the rating R. Names and numbers of equations are the Recommendation's; whatever has to do
 * with telephones and lines has the default value of its Table 2.
 */
const Ps = 35
const Pr = 35
const SLR = 8
const RLR = 2
const OLR = SLR + RLR
const STMR = 15
const Ds = 3
const LSTR = 18
const TELR = 65
const WEPL = 110
const qdu = 1
const Nc = -70
const Nfor = -64
const mT = 100

/** Of a codec: what it spoils without loss (Ie), and how well it bears loss that strikes at random (Bpl). */
export interface Codec {
  readonly equipmentImpairment: number
  readonly lossRobustness: number
}

/** G.113 Appendix I: G.711 with concealment as of its Appendix I. */
export const PCMU: Codec = { equipmentImpairment: 0, lossRobustness: 25.1 }
export const PCMU_WITHOUT_CONCEALMENT: Codec = { equipmentImpairment: 0, lossRobustness: 4.3 }

export interface Conditions {
  /** One way, from mouth to ear, in milliseconds. */
  readonly delay: number
  /** The share of packets that were not played, 0 to 1. */
  readonly loss: number
  /** How long bursts of loss are, in relation to loss that strikes at random. Default 1. */
  readonly burstRatio?: number
  /** Default `PCMU`. */
  readonly codec?: Codec
}

/** R by equation 7-1; 93.2 at best, and below 0 for what nobody can talk over. */
export function rating({ delay, loss, burstRatio = 1, codec = PCMU }: Conditions): number {
  const No = noise()
  const Ro = 15 - 1.5 * (SLR + No)
  return (
    Ro -
    simultaneousImpairment(Ro, No, delay) -
    delayImpairment(Ro, No, delay) -
    lossImpairment(loss, burstRatio, codec)
  )
}

/** MOS by equation B-4, 1 (bad) to 4.5. The equation dips to 0.99 for R from 0 to 6.5; the scale ends at 1. */
export function meanOpinionScore(R: number): number {
  if (R <= 0) return 1
  if (R >= 100) return 4.5
  return Math.max(1, 1 + 0.035 * R + R * (R - 60) * (100 - R) * 7e-6)
}

/** No: circuit noise, the rooms on both sides, and the noise floor, 7-3 to 7-7. */
function noise(): number {
  const Nos = Ps - SLR - Ds - 100 + 0.004 * (Ps - OLR - Ds - 14) ** 2
  const Pre = Pr + 10 * Math.log10(1 + 10 ** ((10 - LSTR) / 10))
  const Nor = RLR - 121 + Pre + 0.008 * (Pre - 35) ** 2
  const Nfo = Nfor + RLR
  return 10 * Math.log10([Nc, Nos, Nor, Nfo].reduce((sum, level) => sum + 10 ** (level / 10), 0))
}

/** Is: what is wrong while one speaks (too loud a connection, sidetone, quantising), 7-8 to 7-17. */
function simultaneousImpairment(Ro: number, No: number, T: number): number {
  const Xolr = OLR + 0.2 * (64 + No - RLR)
  const Iolr = 20 * ((1 + (Xolr / 8) ** 8) ** (1 / 8) - Xolr / 8)
  const STMRo = -10 * Math.log10(10 ** (-STMR / 10) + Math.exp(-T / 4) * 10 ** (-TELR / 10))
  const Ist =
    12 * (1 + ((STMRo - 13) / 6) ** 8) ** (1 / 8) -
    28 * (1 + ((STMRo + 1) / 19.4) ** 35) ** (1 / 35) -
    13 * (1 + ((STMRo - 3) / 33) ** 13) ** (1 / 13) +
    29
  const Q = 37 - 15 * Math.log10(qdu)
  const G = 1.07 + 0.258 * Q + 0.0602 * Q ** 2
  const Y = (Ro - 100) / 15 + 46 / 8.4 - G / 9
  const Z = 46 / 30 - G / 40
  const Iq = 15 * Math.log10(1 + 10 ** Y + 10 ** Z)
  return Iolr + Ist + Iq
}

/** Id: talker's echo, listener's echo, and delay by itself, 7-18 to 7-28; every way is as long as `T`. */
function delayImpairment(Ro: number, No: number, T: number): number {
  const TERV = TELR - 40 * Math.log10((1 + T / 10) / (1 + T / 150)) + 6 * Math.exp(-0.3 * T ** 2)
  const Roe = -1.5 * (No - RLR)
  const Re = 80 + 2.5 * (TERV - 14)
  // Below a millisecond, echo is sidetone, and 7-19 does not apply.
  const Idte = T < 1 ? 0 : ((Roe - Re) / 2 + Math.sqrt((Roe - Re) ** 2 / 4 + 100) - 1) * (1 - Math.exp(-T))
  const Rle = 10.5 * (WEPL + 7) * (2 * T + 1) ** -0.25
  const Idle = (Ro - Rle) / 2 + Math.sqrt((Ro - Rle) ** 2 / 4 + 169)
  const X = Math.log2(T / mT)
  const Idd = T <= mT ? 0 : 25 * ((1 + X ** 6) ** (1 / 6) - 3 * (1 + (X / 3) ** 6) ** (1 / 6) + 2)
  return Idte + Idle + Idd
}

/** Ie,eff by 7-29, where loss is in per cent. */
function lossImpairment(loss: number, burstRatio: number, { equipmentImpairment, lossRobustness }: Codec): number {
  const Ppl = loss * 100
  return equipmentImpairment + ((95 - equipmentImpairment) * Ppl) / (Ppl / burstRatio + lossRobustness)
}
