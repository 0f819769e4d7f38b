import { parseArgs } from 'node:util'
import { LabError, USAGE } from './errors.mjs'

export const usage = `Usage: npm run lab -- [options] COMMAND [ARGUMENT...]

Boots a virtual machine with Bluetooth controllers, runs COMMAND in it on this machine's files (what it writes is
discarded) and exits with its exit code. On a terminal COMMAND may be left out for a shell; Ctrl-] ends the machine.

  --controllers N     virtual Bluetooth controllers (2)
  --bluetoothd        start D-Bus and bluetoothd before COMMAND
  --timeout SECONDS   how long COMMAND may take; 0 for ever (600; on a terminal 0)
  --cpus N            CPUs of the machine, at most this one's (2)
  --memory MIB        its memory (2048)
  --console FILE      keep what the kernel says on its console
  --install           install what the lab needs from Debian and npm, before COMMAND if there is one
  --help              this text

Exit codes of the lab itself: 2 wrong arguments, 3 something is not installed, 124 timeout, 125 the machine failed.`

/**
 * @typedef {object} Options
 * @property {string[]} command empty with `install` alone
 * @property {number} controllers
 * @property {boolean} bluetoothd
 * @property {number} timeout seconds; 0 for none
 * @property {number} cpus
 * @property {number} memory MiB
 * @property {string | undefined} console
 * @property {boolean} install
 * @property {boolean} help
 * @property {boolean} terminal the command gets a terminal
 */

/**
 * Options end at the first word that is none: what follows is COMMAND's, `--help` included.
 * @param {string[]} args
 * @param {{ onTerminal: boolean, cpus: number }} host
 * @returns {Options}
 */
export function parse(args, host) {
  const end = endOfOptions(args)
  const values = parseValues(args.slice(0, end))
  const given = args.slice(args[end] === '--' ? end + 1 : end)
  const install = values.install === true
  const help = values.help === true
  const command = given.length > 0 || install || help ? given : host.onTerminal ? ['bash'] : []
  if (command.length === 0 && !install && !help) throw new LabError(`there is no COMMAND\n\n${usage}`, USAGE)
  return {
    command,
    install,
    help,
    terminal: host.onTerminal,
    bluetoothd: values.bluetoothd === true,
    controllers: whole('controllers', values.controllers, 2, 1, 16),
    timeout: whole('timeout', values.timeout, host.onTerminal ? 0 : 600, 0, 86_400),
    cpus: whole('cpus', values.cpus, Math.min(2, host.cpus), 1, host.cpus),
    memory: whole('memory', values.memory, 2048, 256, 65_536),
    console: values.console,
  }
}

const takesValue = new Set(['--controllers', '--timeout', '--cpus', '--memory', '--console'])

/** @param {string[]} args */
function endOfOptions(args) {
  let at = 0
  while (at < args.length && args[at].startsWith('--') && args[at] !== '--') at += takesValue.has(args[at]) ? 2 : 1
  return Math.min(at, args.length)
}

/** @param {string[]} args */
function parseValues(args) {
  try {
    return parseArgs({
      args,
      options: {
        controllers: { type: 'string' },
        bluetoothd: { type: 'boolean' },
        timeout: { type: 'string' },
        cpus: { type: 'string' },
        memory: { type: 'string' },
        console: { type: 'string' },
        install: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new LabError(`${error instanceof Error ? error.message : error}\n\n${usage}`, USAGE)
  }
}

/** @param {string} name @param {string | undefined} text @param {number} standard @param {number} from @param {number} to */
function whole(name, text, standard, from, to) {
  if (text === undefined) return standard
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new LabError(`--${name} must be a whole number from ${from} to ${to}, not ${text}`, USAGE)
}
