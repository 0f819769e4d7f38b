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

/** Whether this program was started by `inBadNetwork`. */
export const isInBadNetwork: boolean = process.env[VARIABLE] === 'netem'

/**
 * Runs this program again, with these arguments (`process.argv` from 1 on), in a network of its own in which 127.0.0.1 is behind
 * a bad link: a network namespace, whose interface lo has netem, tc-netem(8). For tcp and udp; gives its exit code.
 */
export async function inBadNetwork(faults: NetworkFaults, argv: readonly string[]): Promise<number> {
  const attempt = spawnSync('unshare', inside(faults, ['true']), { encoding: 'utf8' })
  if (attempt.status !== 0) throw new Error(explain(attempt.error?.message ?? attempt.stderr))
  const child = spawn('unshare', inside(faults, [process.execPath, ...process.execArgv, ...argv]), { stdio: 'inherit' })
  // A Ctrl-C reaches the whole group of processes: how this ends is the other program's affair.
  const wait = (): void => undefined
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', wait).on('SIGTERM', passOn)
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.off('SIGINT', wait).off('SIGTERM', passOn)
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL']
}

/** The arguments of unshare(1): root makes the namespace as it is, others become root in a user namespace first. */
function inside({ loss, delay, jitter }: NetworkFaults, command: readonly string[]): string[] {
  const times = delay + jitter > 0 ? `delay ${delay + jitter / 2}ms ${jitter / 2}ms` : ''
  const script = [
    // Packets as on an Ethernet: by itself lo carries 64 KiB at a time, and would lose them together.
    'PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up mtu 1500 gso_max_segs 1',
    `tc qdisc add dev lo root netem limit 100000 loss ${100 * loss}% ${times}`,
    'exec env "$@"',
  ]
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  return [...user, '--net', 'sh', '-c', script.join(' && '), 'sh', `${VARIABLE}=netem`, ...command]
}

function explain(problem: string): string {
  const remedy = /kind is unknown|No such file or directory/.test(problem)
    ? 'this kernel has no netem; load it as root: modprobe sch_netem'
    : 'it takes Linux, root or user namespaces, and: apt-get install iproute2 util-linux'
  return `there can be no bad network for tcp and udp here: ${remedy} (${problem.trim().replace(/\s*\n\s*/g, ', ')})`
}
