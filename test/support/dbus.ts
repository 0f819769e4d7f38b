import { execFileSync } from 'node:child_process'
import { type Need, need, program } from './need.ts'

/** The Python that has the D-Bus modules of Debian's packages, which need not be the first in PATH. */
export const dbusPython: string | undefined = ['python3', '/usr/bin/python3'].find((command) => {
  try {
    execFileSync(command, ['-c', 'import dbus, gi'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})

export const busNeeds: readonly Need[] = [
  program('dbus-daemon', ['--version'], 'apt-get install dbus-daemon'),
  need(dbusPython !== undefined, 'Python has no D-Bus here', 'apt-get install python3-dbus python3-gi'),
]
