// Starts workers, lets each bring sockets to a stage, and terminates it there. Arguments: directory, engine, how many.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { stagesOf } from './stages.mjs'

const openDescriptors = () => readdirSync('/proc/self/fd').length - 1

if (isMainThread) {
  const [directory, engine, count] = process.argv.slice(2)
  const names = Object.keys(stagesOf(engine))
  const ends = {}
  const run = async (index) => {
    const stage = names[index % names.length]
    const leave = index % 3 === 0 ? 'exit' : 'terminate'
    const path = join(directory, String(index))
    const worker = new Worker(new URL(import.meta.url), { workerData: { path, engine, stage, leave } })
    const exited = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject))
    if (leave === 'terminate') {
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
    const end = `${leave} ${await exited}`
    ends[end] = (ends[end] ?? 0) + 1
  }

  await run(0)
  await sleep(50)
  const before = openDescriptors()
  for (let index = 1; index <= Number(count); index += 2) await Promise.all([run(index), run(index + 1)])
  await sleep(50)
  console.log(JSON.stringify({ before, after: openDescriptors(), ends }))
} else {
  const { path, engine, stage, leave } = workerData
  await stagesOf(engine)[stage]({ path, engine }, () => {
    if (leave === 'exit') process.exit(7)
    parentPort.postMessage('reached')
  })
}
