import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { clearTimeout, setTimeout } from '../../core/timers.ts'
import type { EngineName } from '../../index.ts'
import { type Service, startService } from './service.ts'

/** What the parent asks of `demo-peer.js`, and what it answers. */
export interface PeerRequest {
  readonly address: string
  readonly engine?: EngineName | undefined
}
export type PeerAnswer = { readonly address: string } | { readonly error: string }

/** A far side that may be gone at any time. */
export interface Peer extends Service {
  /** Rejects when the far side ends before it was closed. */
  readonly lost: Promise<never>
}

const PEER_SCRIPT = fileURLToPath(new URL('../demo-peer.js', import.meta.url))
/** How long a peer that was asked to close may take to clean up its socket file. */
const CLOSING = 1000

export interface ForkOptions {
  /** Kills the peer, whatever it does. */
  readonly signal?: AbortSignal
  /** Default: `demo-peer.js`. */
  readonly script?: string | undefined
}

/** Starts the far side in a second process. */
export async function forkPeer(
  request: PeerRequest,
  { signal, script = PEER_SCRIPT }: ForkOptions = {},
): Promise<Peer> {
  const child = fork(script, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let complaint = ''
  let closing = false
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint = `${complaint}${text}`.slice(-2000)))
  signal?.addEventListener('abort', () => child.kill('SIGKILL'))
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const lost = exited.then(([code, signal]): Promise<never> => {
    const last = complaint.trim().split('\n').at(-1) ?? ''
    const error = new Error(`the peer process ended (${signal ?? `exit code ${code}`}) ${last}`.trim())
    return closing ? new Promise<never>(() => undefined) : Promise.reject(error)
  })
  lost.catch(() => undefined)
  const close = async (): Promise<void> => {
    closing = true
    if (child.exitCode !== null || child.signalCode !== null) return
    if (child.connected) child.disconnect()
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSING)
    await exited
    clearTimeout(timer)
  }
  try {
    child.send(request)
    const [answer] = (await Promise.race([once(child, 'message'), lost])) as [PeerAnswer]
    if ('error' in answer) throw new Error(answer.error)
    return { address: answer.address, lost, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** For schemes that do not leave the process. */
export async function localPeer({ address, engine }: PeerRequest): Promise<Peer> {
  const service = await startService(address, engine)
  return { ...service, lost: new Promise<never>(() => undefined) }
}
