import type { SchemeFacts } from '../core/facts.ts'
import type { Fixture } from './fixture.ts'

/** One thing that a family promises, and how to try it. A topic is a list of these. */
export interface CaseDefinition {
  readonly name: string
  /** Whether the facts promise it. Where they do not, there is no case. */
  readonly when: (facts: SchemeFacts) => boolean
  readonly run: (fixture: Fixture) => Promise<void>
}

export const always = (): boolean => true
export const isStream = (facts: SchemeFacts): boolean => facts.kind === 'stream'
export const isDatagram = (facts: SchemeFacts): boolean => facts.kind === 'datagram'
export const isConnected = (facts: SchemeFacts): boolean => facts.connected
export const isConnectionless = (facts: SchemeFacts): boolean => isDatagram(facts) && !facts.connected
export const isConnectedDatagram = (facts: SchemeFacts): boolean => isDatagram(facts) && facts.connected
export const isReliableDatagram = (facts: SchemeFacts): boolean => isDatagram(facts) && facts.reliable
export const isUnreliableDatagram = (facts: SchemeFacts): boolean => isDatagram(facts) && !facts.reliable
