import { match, P } from 'ts-pattern'

/** How trying out a namespace ended, as child_process has it. */
export interface Attempt {
  readonly status: number | null
  readonly stderr: string | null
  readonly error?: Error | undefined
}

const ELSEWHERE = 'the schemes memory and memorygram have their own bad link everywhere'

/** Why there is no namespace with a bad link here, and what would help; `undefined` when there is one. */
export function namespaceProblem(
  { status, stderr, error }: Attempt,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  if (platform !== 'linux') return `a bad link for tcp and udp takes Linux's network namespaces; ${ELSEWHERE}`
  if (status === 0) return undefined
  return match({ code: (error as NodeJS.ErrnoException | undefined)?.code, stderr: stderr ?? '' })
    .with({ code: 'ENOENT' }, () => lacking('there is no unshare here', 'apt-get install util-linux'))
    .with({ stderr: P.string.regex(/^unshare: /m) }, () =>
      lacking(
        'this user may not make a network namespace here',
        'run it as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000 ' +
          'kernel.apparmor_restrict_unprivileged_userns=0, those that there are',
      ),
    )
    .with({ stderr: P.string.regex(/\b(ip|tc): (command )?not found/) }, () =>
      lacking('there is no ip or no tc here', 'apt-get install iproute2'),
    )
    .with({ stderr: P.string.regex(/qdisc kind is unknown|RTNETLINK answers: No such file/) }, () =>
      lacking(
        'this kernel has no netem',
        'load it as root (modprobe sch_netem), or take a kernel with CONFIG_NET_SCH_NETEM',
      ),
    )
    .with({ stderr: P.string.regex(/(mktemp|cannot create)/) }, () =>
      lacking('there is no room for a temporary file', 'make room, or set TMPDIR to a folder that has some'),
    )
    .otherwise(({ code, stderr: said }) => lacking(`a namespace with netem cannot be set up: ${code ?? oneLine(said)}`))
}

function lacking(reason: string, remedy?: string): string {
  return `a network of its own cannot be had: ${reason}${remedy === undefined ? '' : `; remedy: ${remedy}`}`
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ', ') || 'it says nothing'
}
