import { type Element, membersOf, numberOf, uuidOf } from './element.ts'

/** One layer of what carries a service: a protocol, and where in it the service is found. */
export interface Protocol {
  readonly uuid: string
  /** RFCOMM's channel, L2CAP's PSM. */
  readonly parameter: number | undefined
}

/** From the lowest layer up. */
export type ProtocolStack = readonly Protocol[]

/**
 * The stacks that a ProtocolDescriptorList or AdditionalProtocolDescriptorLists names, in the order of preference; Core
 * specification, volume 3, part B, 5.1.5. One stack, alternative ones, a list of lists: whatever does not hold protocols
 * itself is looked into.
 */
export function protocolStacks(list: Element | undefined): ProtocolStack[] {
  const members = membersOf(list)
  const stack = list?.type === 'sequence' ? members.flatMap(protocolOf) : []
  return stack.length > 0 ? [stack] : members.flatMap(protocolStacks)
}

/** A protocol is a sequence that its UUID begins. Some devices leave the sequence out where nothing follows the UUID. */
function protocolOf(element: Element): Protocol[] {
  const [first, second] = element.type === 'sequence' ? element.value : [element]
  const uuid = uuidOf(first)
  return uuid === undefined ? [] : [{ uuid, parameter: numberOf(second) }]
}
