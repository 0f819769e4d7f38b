import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answerer } from './answerer.ts'
import type { AnswererNews, AnswererRequest } from './answerer-process.ts'
import type { SideReport } from './side-report.ts'

const SCRIPT = fileURLToPath(new URL('answerer-process.js', import.meta.url))
/** How long a process that was let go may take to clean up. */
const CLOSING = 2000

/** An answerer in a second process. */
export async function forkAnswerer(request: AnswererRequest): Promise<Answerer> {
  const child = fork(SCRIPT, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' })
  const address = promised<string>()
  const report = promised<SideReport>()
  const exited = promised<void>()
  const fail = (error: Error): void => {
    address.reject(error)
    report.reject(error)
  }
  // Whoever asks for it learns of a failure; before that it is nobody's.
  report.promise.catch(() => undefined)
  child.on('message', (news: AnswererNews) => {
    if ('error' in news) fail(new Error(`the answerer: ${news.error}`))
    else if ('report' in news) report.resolve(news.report)
    else address.resolve(news.address)
  })
  // It could not be started, or not be told what to do.
  child.on('error', (error) => {
    fail(error)
    if (child.pid === undefined) exited.resolve()
  })
  child.on('exit', (code, signal) => {
    fail(new Error(`the answerer's process ended (${signal ?? `exit code ${code}`})`))
    exited.resolve()
  })
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSING)
    await exited.promise
    clearTimeout(timer)
  }
  child.send(request)
  try {
    return { address: await address.promise, report: report.promise, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A promise that is settled from outside: `Promise.withResolvers`, which Node.js has from 22 on. */
function promised<T>(): {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
} {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  return { promise, resolve, reject }
}
