// One of the two processes of a hand-over, which stops at a stage of it. Arguments: giver or taker, the path of the service,
// the path by which the taker reaches the giver, the stage, the signal that it sends itself there, its timeout. It serves
// its name as long as it has the socket, and reports what becomes of the hand-over.
import { connect, listen, takeOver } from 'polysocket'

const [role, service, control, stage, signal, timeout] = process.argv.slice(2)
const options = { timeout: Number(timeout) }
const report = (what) => console.log(JSON.stringify(what))
const serve = (listener) => listener.on('connection', (socket) => socket.on('error', () => undefined).end(role))

const stop = () => process.kill(process.pid, signal)

/** Stops before or after a frame of this kind is written: kinds as in core/hand-over-channel.ts. */
function stopAt(endpoint, name, kind) {
  for (const method of ['write', 'writeWithFds']) {
    const original = endpoint[method].bind(endpoint)
    endpoint[method] = (frame, ...rest) => {
      const isMeant = frame[1] === kind
      if (isMeant && stage === `before ${name}`) stop()
      const done = rest.pop()
      return original(frame, ...rest, (...results) => {
        if (isMeant && stage === `after ${name}`) stop()
        done(...results)
      })
    }
  }
  return endpoint
}

if (role === 'giver') {
  const listener = await listen(`unix:${service}`)
  serve(listener)
  const successors = await listen(`unix:${control}`)
  report({ is: 'ready' })
  const successor = stopAt(stopAt(await successors.accept(), 'offer', 2), 'left', 4)
  try {
    await listener.handOver(successor, options)
    report({ is: 'gave' })
  } catch (error) {
    report({ is: 'kept', code: error.code })
  }
} else {
  const predecessor = stopAt(stopAt(await connect(`unix:${control}`), 'ask', 1), 'taken', 3)
  try {
    serve(await takeOver(predecessor, options))
    report({ is: 'took' })
  } catch (error) {
    report({ is: 'failed', code: error.code })
  }
}
setInterval(() => undefined, 1000)
