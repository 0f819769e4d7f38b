import { isStream } from '../../open.ts'
import type { Plan } from '../plan.ts'
import type { Endpoint, Ends } from './meeting.ts'
import { pauseUntil, untilQuiet } from './quiet.ts'

/** `refused`: there is no ending one direction. */
export type HalfClose = 'goes on' | 'is over' | 'refused'

/** Ends the near end's direction, and says what becomes of the other one: whether what `far` sends then still arrives. */
export async function measureHalfClose({ near, far, over, broken }: Ends, plan: Plan): Promise<HalfClose> {
  const seen = { end: false, answer: false, close: false }
  const closed = (): void => {
    seen.close = true
  }
  listen(near, 'data', () => {
    seen.answer = true
  })
  listen(far, 'end', () => {
    seen.end = true
  })
  near.on('end', closed)
  for (const end of [near, far]) end.on('close', closed)
  const patience = near.facts.halfClose ? plan.patience : plan.silence
  const wait = (isOver: () => boolean): Promise<void> => untilQuiet(patience, () => 0, isOver, pauseUntil(over))
  if (!(await endDirection(near))) return 'refused'
  await wait(() => seen.end || seen.close)
  if (seen.end && !seen.close) {
    await Promise.race([say(far), broken]).catch(closed)
    await wait(() => seen.answer || seen.close)
  }
  return seen.answer ? 'goes on' : 'is over'
}

/** Reads, so that data and end are seen. */
function listen(end: Endpoint, event: 'data' | 'end', listener: () => void): void {
  const onData = event === 'data' ? listener : (): void => undefined
  if (event === 'end') end.on('end', listener)
  if (isStream(end)) end.on('data', onData)
  else end.on('message', onData)
}

async function endDirection(near: Endpoint): Promise<boolean> {
  if (isStream(near)) {
    near.end()
    return true
  }
  try {
    await near.end()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNSUPPORTED') return false
    throw error
  }
}

async function say(far: Endpoint): Promise<void> {
  const text = 'still here'
  if (isStream(far)) far.write(text)
  else await far.send(text)
}
