import { isStream } from '../../open.ts'
import type { Plan } from '../plan.ts'
import type { Endpoint, Ends } from './meeting.ts'
import { pauseUntil, untilQuiet } from './quiet.ts'

/** After which nobody is told any more who has not been told yet, where there is no connection to tell of. */
const UNTOLD = 500

/** Closes the near end, and says whether the far one learns of it. */
export async function learnsOfClose({ near, far, over }: Ends, plan: Plan): Promise<boolean> {
  let told = false
  const tell = (): void => {
    told = true
  }
  listenForEnd(far, tell)
  if (isStream(near)) near.destroy()
  else await near.close()
  const patience = near.facts.connected ? plan.patience : Math.max(UNTOLD, 4 * (plan.faults.delay + plan.faults.jitter))
  await untilQuiet(
    patience,
    () => 0,
    () => told,
    pauseUntil(over),
  )
  return told
}

/** Reads on, since an end is noticed by who reads. */
function listenForEnd(endpoint: Endpoint, tell: () => void): void {
  for (const event of ['end', 'error', 'close']) endpoint.on(event as 'end', tell)
  if (isStream(endpoint)) endpoint.resume()
  else endpoint.on('message', () => undefined)
}
