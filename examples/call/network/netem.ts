import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

/** What goes wrong with each packet, each way: a share from 0 to 1, and milliseconds. */
export interface NetworkFaults {
  readonly loss: number
  readonly delay: number
  /** Up to so much more than `delay`. */
  readonly jitter: number
}

const VARIABLE = 'POLYSOCKET_CALL_NETWORK'

/** Whether this program was started by `inOwnNetwork`. */
export const isInOwnNetwork: boolean = process.env[VARIABLE] === 'own'

/**
 * Runs this program again, with these arguments (`process.argv` from 1 on), in a network namespace of its own, where it may
 * `disturb` its loopback interface; network_namespaces(7). Gives its exit code. Throws where there can be no such thing.
 */
export async function inOwnNetwork(argv: readonly string[]): Promise<number> {
  const attempt = spawnSync('unshare', inside(disturbance({ loss: 0, delay: 0, jitter: 0 })), { encoding: 'utf8' })
  if (attempt.status !== 0) throw new Error(explain(attempt.error?.message ?? attempt.stderr))
  const child = spawn('unshare', inside([process.execPath, ...process.execArgv, ...argv]), { stdio: 'inherit' })
  // A Ctrl-C reaches the whole group of processes: how this ends is the other program's affair.
  const wait = (): void => undefined
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', wait).on('SIGTERM', passOn)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.off('SIGINT', wait).off('SIGTERM', passOn)
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
}

/** From now on 127.0.0.1 is behind a bad link: netem, tc-netem(8). Throws in a network that others use, too. */
export function disturb(faults: NetworkFaults): void {
  if (!isInOwnNetwork) throw new Error('only a network of our own may be disturbed')
  const [command = '', ...args] = disturbance(faults)
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(explain(error?.message ?? stderr))
}

/** The whole command, so that it is the same that was tried beforehand. netem's jitter is to both sides of its delay. */
function disturbance({ loss, delay, jitter }: NetworkFaults): string[] {
  const times = delay + jitter > 0 ? ` delay ${delay + jitter / 2}ms ${jitter / 2}ms` : ''
  const netem = `tc qdisc add dev lo root netem limit 100000 loss ${100 * loss}%${times}`
  return ['sh', '-c', `PATH="$PATH:/usr/sbin:/sbin"; ${netem}`]
}

/** The arguments of unshare(1): root makes the namespace as it is, others become root in a user namespace first. */
function inside(command: readonly string[]): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  // Packets as on an Ethernet: by itself lo carries 64 KiB at a time, and would lose them together.
  const script = 'PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up mtu 1500 gso_max_segs 1 && exec env "$@"'
  return [...user, '--net', 'sh', '-c', script, 'sh', `${VARIABLE}=own`, ...command]
}

function explain(problem: string): string {
  const remedy = /kind is unknown|No such file or directory/.test(problem)
    ? 'this kernel has no netem; load it as root: modprobe sch_netem'
    : 'it takes Linux, root or user namespaces, and: apt-get install iproute2 util-linux'
  return `there can be no bad network for tcp and udp here: ${remedy} (${problem.trim().replace(/\s*\n\s*/g, ', ')})`
}
