import { type EventEmitter, errorMonitor } from 'node:events'
import { stateOf } from './state.ts'

/** Puts off what needs a bound socket until the bind that is under way is done. A bind that fails drops it. */
export function afterBind(socket: EventEmitter, task: () => void): void {
  const state = stateOf(socket)
  if (state.queue !== undefined) {
    state.queue.push(task)
    return
  }
  const tasks = [task]
  state.queue = tasks
  const onError = (): void => {
    socket.removeListener('listening', onListening)
    state.queue = undefined
  }
  const onListening = (): void => {
    socket.removeListener(errorMonitor, onError)
    state.queue = undefined
    for (const each of tasks) each()
  }
  socket.once(errorMonitor, onError)
  socket.once('listening', onListening)
}
