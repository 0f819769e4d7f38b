// A process of its own that uses the package. Its argument is a JSON object: `what`, and what that needs. It reports in
// lines of JSON.
// 'unprivileged'  what a user may do: connects to `address`, listens at `listen`, tries `refused`
// 'exhausted'     listens at `listen`, uses up its descriptors, and frees them when a line comes
// 'worker'        a worker connects to `address` and is terminated with the connection open
import { closeSync, openSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { connect, listen } from 'polysocket'

const options = isMainThread ? JSON.parse(process.argv[2]) : workerData
const say = (report) => console.log(JSON.stringify(report))
const openDescriptors = () => readdirSync('/proc/self/fd').length - 1

const modes = {
  async unprivileged() {
    const listener = await listen(options.listen)
    const refused = await listen(options.refused).then(
      () => 'listens',
      ({ code, syscall }) => `${syscall} ${code}`,
    )
    const endpoint = await connect(options.address, { security: 'low' })
    const answer = await new Promise((resolve) => endpoint.once('data', resolve))
    say({ uid: process.getuid(), listens: listener.address.channel > 0, refused, answer: String(answer) })
    endpoint.destroy()
    await listener.close()
  },

  async exhausted() {
    const listener = await listen(options.listen)
    listener.once('exhausted', ({ code }) => say({ exhausted: code }))
    listener.on('connection', (endpoint) => endpoint.pipe(endpoint))
    const files = []
    try {
      for (;;) files.push(openSync('/dev/null'))
    } catch {}
    say({ channel: listener.address.channel })
    for await (const _ of createInterface({ input: process.stdin })) for (const fd of files.splice(0)) closeSync(fd)
    await listener.close()
  },

  async worker() {
    const run = async () => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, what: 'connected' } })
      const exited = new Promise((resolve) => worker.once('exit', resolve))
      const code = await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
      await exited
      await sleep(50)
      return code
    }
    // What the first one loads stays open.
    await run()
    const before = openDescriptors()
    say({ code: await run(), left: openDescriptors() - before })
  },

  async connected() {
    const endpoint = await connect(options.address)
    endpoint.on('data', () => {})
    parentPort.postMessage('connected')
  },
}

await modes[options.what]()
