// An endpoint of either kind as an end of ours.
import { MessageEnd } from './message-end.mjs'
import { StreamEnd } from './stream-end.mjs'

/** @param {{ flowing: boolean, takesFds?: boolean }} options */
export function endOf(world, endpoint, scheme, options) {
  return endpoint.facts.kind === 'stream'
    ? new StreamEnd(world, endpoint, scheme, options)
    : new MessageEnd(world, endpoint, scheme, options)
}
