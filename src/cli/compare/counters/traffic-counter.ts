import { match } from 'ts-pattern'
import { families } from '../../../index.ts'
import type { TrafficCounter, Uncounted } from './counter.ts'
import { hciCounter } from './hci-counter.ts'
import { interfaceCounter } from './interface-counter.ts'

/** Who counts what a scheme puts on its link, by the scheme's family; or why nobody does. */
export async function trafficCounter(scheme: string): Promise<TrafficCounter | Uncounted> {
  const family = families().find(({ schemes }) => schemes.some((each) => each.scheme === scheme))
  return match(family?.name)
    .with('inet', () => interfaceCounter())
    .with('bluetooth', () => hciCounter())
    .with(undefined, () => ({ reason: `there is no scheme ${scheme}` }))
    .otherwise((name) => ({ reason: `nothing on the way of ${scheme} counts: the ${name} family has no interface` }))
}
