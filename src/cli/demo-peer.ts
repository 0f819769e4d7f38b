import type { PeerAnswer, PeerRequest } from './demo/peer.ts'
import { startService } from './demo/service.ts'
import { errorText } from './report.ts'

/** The second process of the demo: told over IPC what to serve, it answers where, and ends when its parent lets go. */
// Ctrl-C reaches the whole group of processes; the parent's end is what counts, and then the socket file is removed.
process.on('SIGINT', () => undefined)

process.once('message', (request: PeerRequest) => {
  startService(request.address, request.engine).then(
    (service) => {
      process.once('disconnect', () => void service.close())
      answer({ address: service.address })
    },
    (error: unknown) => answer({ error: errorText(error) }),
  )
})

function answer(message: PeerAnswer): void {
  process.send?.(message)
}
