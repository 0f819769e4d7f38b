/** 0000xxxx-0000-1000-8000-00805f9b34fb: a short UUID is a number put into this one (Core specification, volume 3, part B, 2.5.1). */
const BASE_TAIL = '-0000-1000-8000-00805f9b34fb'

/** Names that are easier to remember than the number: the profiles that run over RFCOMM; Bluetooth Assigned Numbers, 3.3. */
const NUMBERS: Readonly<Record<string, number>> = {
  spp: 0x1101,
  dun: 0x1103,
  opp: 0x1105,
  ftp: 0x1106,
  hsp: 0x1108,
  hfp: 0x111e,
  pbap: 0x112f,
  map: 0x1132,
}
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(NUMBERS).map(([name, number]) => [uuidOfNumber(number), name]),
)

/** The whole UUID in lower case of a short one: 16 or 32 bits. */
export function uuidOfNumber(number: number): string {
  return number.toString(16).padStart(8, '0') + BASE_TAIL
}

/** The number that a UUID is short for; `undefined` where there is none. */
export function numberOfUuid(uuid: string): number | undefined {
  return uuid.endsWith(BASE_TAIL) ? Number.parseInt(uuid.slice(0, 8), 16) : undefined
}

/**
 * Reads a UUID: whole, with or without dashes, or `0x` and 4 or 8 hexadecimal digits for a short one. Returns the whole one
 * in lower case, `undefined` for anything else.
 */
export function parseUuid(text: string): string | undefined {
  const short = /^0x([0-9a-f]{4}|[0-9a-f]{8})$/i.exec(text)
  if (short !== null) return uuidOfNumber(Number.parseInt(short[1] as string, 16))
  const whole = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i.exec(text)
  return whole?.slice(1).join('-').toLowerCase()
}

/** Reads the name of a service (`spp`) or a UUID as `parseUuid` does. */
export function parseService(text: string): string | undefined {
  const name = text.toLowerCase()
  return Object.hasOwn(NUMBERS, name) ? uuidOfNumber(NUMBERS[name] as number) : parseUuid(text)
}

/** The shortest way to write a whole UUID that `parseService` reads: a name, `0x1234`, or the UUID itself. */
export function formatService(uuid: string): string {
  const number = numberOfUuid(uuid)
  if (number === undefined) return uuid
  return NAMES.get(uuid) ?? `0x${number.toString(16).padStart(number > 0xffff ? 8 : 4, '0')}`
}
