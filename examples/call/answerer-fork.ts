import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answerer } from './answerer.ts'
import type { AnswererNews, AnswererRequest } from './answerer-process.ts'
import type { SideReport } from './side.ts'

const SCRIPT = fileURLToPath(new URL('answerer-process.js', import.meta.url))
/** How long a process that was let go may take to clean up. */
const CLOSING = 2000

/** An answerer in a second process. */
export async function forkAnswerer(request: AnswererRequest): Promise<Answerer> {
  const child = fork(SCRIPT, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const news = new Promise<{ address: string; report: Promise<SideReport> }>((resolve, reject) => {
    let tellReport: (report: SideReport) => void = () => undefined
    let failed: (error: Error) => void = reject
    const report = new Promise<SideReport>((resolveReport, rejectReport) => {
      tellReport = resolveReport
      failed = (error) => {
        rejectReport(error)
        reject(error)
      }
    })
    report.catch(() => undefined)
    child.on('message', (message: AnswererNews) => {
      if ('error' in message) failed(new Error(`the answerer: ${message.error}`))
      else if ('report' in message) tellReport(message.report)
      else resolve({ address: message.address, report })
    })
    exited.then(([code, signal]) =>
      failed(new Error(`the answerer's process ended (${signal ?? `exit code ${code}`})`)),
    )
  })
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSING)
    await exited
    clearTimeout(timer)
  }
  child.send(request)
  try {
    return { ...(await news), close }
  } catch (error) {
    await close()
    throw error
  }
}
