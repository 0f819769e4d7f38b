import { uuidOfNumber } from '../uuid.ts'
import { type Element, membersOf, numberOf, textOf, uuidOf } from './element.ts'
import { type ProtocolStack, protocolStacks } from './protocols.ts'
import type { ServiceRecord } from './record.ts'

/** A service that a device offers: what its record says, as far as it says it. UUIDs are whole and in lower case. */
export interface BluetoothService {
  /** The record's number, by which the device knows it. */
  readonly handle?: number
  /** The service classes, the most specific first. */
  readonly uuids: readonly string[]
  readonly name?: string
  readonly description?: string
  readonly provider?: string
  /** Of RFCOMM: what `rfcomm://ADDRESS/channel` takes. */
  readonly channel?: number
  /** Of L2CAP: what `l2cap://ADDRESS/psm` takes. */
  readonly psm?: number
  readonly profiles: readonly BluetoothProfile[]
  /** The whole record, by attribute identifier. */
  readonly attributes: ReadonlyMap<number, Element>
}

export interface BluetoothProfile {
  readonly uuid: string
  /** 0x0102 is version 1.2. */
  readonly version?: number
}

/** Attribute identifiers; Assigned Numbers, 5.1. */
const HANDLE = 0x0000
const CLASSES = 0x0001
const PROTOCOLS = 0x0004
const LANGUAGES = 0x0006
const PROFILES = 0x0009
const ADDITIONAL_PROTOCOLS = 0x000d
/** Where OBEX can also be spoken over L2CAP. For other services the number means other things. */
const GOEP_PSM = 0x0200

/** Names have identifiers relative to a base, which is another for each language; the primary language's is this one. */
const PRIMARY_LANGUAGE = 0x0100
const NAME = 0
const DESCRIPTION = 1
const PROVIDER = 2

const RFCOMM = uuidOfNumber(0x0003)
const OBEX = uuidOfNumber(0x0008)
const L2CAP = uuidOfNumber(0x0100)
const MAX_CHANNEL = 30

/** Reads a service from its record. What is missing or of an odd shape is left out; `attributes` has it as it is. */
export function serviceOf(record: ServiceRecord): BluetoothService {
  const handle = numberOf(record.get(HANDLE))
  const name = textAt(record, NAME)
  const description = textAt(record, DESCRIPTION)
  const provider = textAt(record, PROVIDER)
  const stacks = [PROTOCOLS, ADDITIONAL_PROTOCOLS].flatMap((list) => protocolStacks(record.get(list)))
  const channel = firstOf(stacks, channelOf)
  const psm = firstOf(stacks, psmOf) ?? (speaksObex(stacks) ? numberOf(record.get(GOEP_PSM)) : undefined)
  return {
    ...(handle !== undefined && { handle }),
    uuids: uuidsOf(record.get(CLASSES)),
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(provider !== undefined && { provider }),
    ...(channel !== undefined && { channel }),
    ...(psm !== undefined && { psm }),
    profiles: profilesOf(record.get(PROFILES)),
    attributes: record,
  }
}

/** A list of UUIDs; some devices send one UUID without the list. */
function uuidsOf(list: Element | undefined): string[] {
  const single = uuidOf(list)
  return single === undefined ? membersOf(list).flatMap((member) => uuidOf(member) ?? []) : [single]
}

/** In the primary language, else in the first that has it. */
function textAt(record: ServiceRecord, offset: number): string | undefined {
  const bases = [PRIMARY_LANGUAGE, ...languageBases(record.get(LANGUAGES))]
  return firstOf(bases, (base) => textOf(record.get(base + offset)))
}

/** Language, encoding, base; language, encoding, base. */
function languageBases(list: Element | undefined): number[] {
  const bases = membersOf(list).filter((_, index) => index % 3 === 2)
  return bases.flatMap((base) => numberOf(base) ?? [])
}

function channelOf(stack: ProtocolStack): number | undefined {
  const channel = stack.find(({ uuid }) => uuid === RFCOMM)?.parameter
  return channel !== undefined && channel >= 1 && channel <= MAX_CHANNEL ? channel : undefined
}

/** Below RFCOMM a PSM is RFCOMM's own, not the service's. */
function psmOf(stack: ProtocolStack): number | undefined {
  if (stack.some(({ uuid }) => uuid === RFCOMM)) return undefined
  return stack.find(({ uuid }) => uuid === L2CAP)?.parameter
}

function speaksObex(stacks: readonly ProtocolStack[]): boolean {
  return stacks.some((stack) => stack.some(({ uuid }) => uuid === OBEX))
}

/** A list of pairs of UUID and version. Some devices leave out the pairs' sequences: UUID, version, UUID, version. */
function profilesOf(list: Element | undefined): BluetoothProfile[] {
  const members = membersOf(list)
  return members.flatMap((member, index) => {
    const [first, second] = member.type === 'sequence' ? member.value : [member, members[index + 1]]
    const uuid = uuidOf(first)
    const version = numberOf(second)
    return uuid === undefined ? [] : [{ uuid, ...(version !== undefined && { version }) }]
  })
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
