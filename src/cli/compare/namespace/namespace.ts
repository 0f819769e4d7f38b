import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { EXIT, exitCodeOfSignal, note } from '../../report.ts'
import type { Stop } from '../../stop.ts'
import type { LinkFaults } from '../result.ts'
import { type Attempt, namespaceProblem } from './namespace-problem.ts'
import { netemOf, TABLE } from './netem.ts'

/** Tells a command that it runs in a namespace of its own, and with what there. */
const VARIABLE = 'POLYSOCKET_NAMESPACE'

export type NamespaceKind = 'netem' | 'quiet'

/** That may end it. */
const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** In which namespace of our making we are; `undefined`: in none. */
export function namespaceKind(): NamespaceKind | undefined {
  const kind = process.env[VARIABLE]
  return kind === 'netem' || kind === 'quiet' ? kind : undefined
}

/**
 * The command line that runs a command in a network namespace of its own, network_namespaces(7), whose loopback interface has the
 * faults. Without faults it has none, and nobody else's traffic either. Root needs no user namespace for that, user_namespaces(7); others do, and are
 * root in it. Bluetooth is not to be had inside: the kernel has it in the first namespace only (bt_sock_create in af_bluetooth.c).
 */
export function namespaceCommand(
  faults: LinkFaults | undefined,
  command: readonly string[],
): { file: string; args: string[] } {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  // The command is the shell's parameters, so that nothing in it has to be quoted.
  return { file: 'unshare', args: [...user, '--net', 'sh', '-c', script(faults), 'polysocket', ...command] }
}

/**
 * An Ethernet's packets: by itself lo has some of 64 KiB, and carries TCP's segments many at a time, of which one loss would be
 * that of all. Users have no /sbin on their PATH.
 */
function script(faults: LinkFaults | undefined): string {
  const lines = ['set -e', 'PATH="$PATH:/usr/sbin:/sbin"', 'ip link set lo up mtu 1500 gso_max_segs 1']
  if (faults !== undefined) {
    const { words, table } = netemOf(faults)
    const add = `tc qdisc add dev lo root netem ${words.join(' ')}`
    lines.push(
      'tables=$(mktemp -d)',
      `trap 'rm -rf "$tables"' EXIT`,
      // By itself a signal ends dash without what it should do on EXIT.
      ...SIGNALS.map((signal) => `trap 'exit ${exitCodeOfSignal(signal)}' ${signal.slice(3)}`),
      'export TC_LIB_DIR="$tables"',
      `echo ${table.join(' ')} > "$tables/${TABLE}.dist"`,
      // A tc that is older than the seed does without; of two that fail the second says why.
      `${add} seed ${faults.seed} 2> /dev/null || ${add}`,
      'rm -rf "$tables"',
      'unset TC_LIB_DIR',
    )
  }
  return [...lines, `export ${VARIABLE}=${faults === undefined ? 'quiet' : 'netem'}`, 'exec "$@"'].join('\n')
}

/**
 * Runs this program again with these arguments (`process.argv` from 1 on) in a namespace of its own; gives its exit code. What
 * makes that impossible here is told, with what would help.
 */
export async function runInNamespace(
  faults: LinkFaults | undefined,
  argv: readonly string[],
  stop: Stop,
): Promise<number> {
  const attempt = await tryOut(faults)
  // A Ctrl-C has ended the attempt, too, which says nothing about namespaces.
  if (stop.exitCode !== undefined) return stop.exitCode
  const problem = namespaceProblem(attempt)
  if (problem !== undefined) {
    note(problem)
    return EXIT.unavailable
  }
  const { file, args } = namespaceCommand(faults, [process.execPath, ...process.execArgv, ...argv])
  // In a session of its own it gets no Ctrl-C but what we pass on: two would mean that we do not want to wait.
  const child = spawn(file, args, { stdio: 'inherit', detached: true })
  const passOn = (): void => void child.kill(signalOf(stop.exitCode))
  stop.soft.addEventListener('abort', passOn)
  stop.hard.addEventListener('abort', passOn)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return code ?? (signal === null ? EXIT.failed : exitCodeOfSignal(signal))
  } finally {
    stop.soft.removeEventListener('abort', passOn)
    stop.hard.removeEventListener('abort', passOn)
  }
}

/** A run of nothing: it fails as the command would, with an exit code and words that cannot be the command's own. */
function tryOut(faults: LinkFaults | undefined): Promise<Attempt> {
  const { file, args } = namespaceCommand(faults, ['true'])
  return new Promise((resolve) => {
    const child = execFile(file, args, { env: { ...process.env, LC_ALL: 'C' } }, (error, _, stderr) => {
      resolve({ status: child.exitCode, stderr, error: error ?? undefined })
    })
  })
}

function signalOf(exitCode: number | undefined): NodeJS.Signals {
  const asked = SIGNALS.find((signal) => exitCodeOfSignal(signal) === exitCode)
  return asked ?? 'SIGTERM'
}
