/** Times as RTCP carries them, RFC 3550 section 4: seconds since 1900 in 32 bits, and 32 bits of a second's fraction. */
const SECONDS_FROM_1900_TO_1970 = 2_208_988_800

/** From milliseconds since 1970. Its 32 bits of seconds wrap in 2036. */
export function ntpTime(milliseconds: number): bigint {
  const seconds = Math.floor(milliseconds / 1000)
  const fraction = Math.floor(((milliseconds - seconds * 1000) / 1000) * 2 ** 32)
  return (BigInt.asUintN(32, BigInt(seconds + SECONDS_FROM_1900_TO_1970)) << 32n) | BigInt(fraction)
}

/** The middle 32 bits, in units of 1/65,536 s: what report blocks carry, since they need only differences. */
export function compactNtp(ntp: bigint): number {
  return Number(BigInt.asUintN(32, ntp >> 16n))
}
