// What the guest is to do, as a script of assignments that its `start` reads.
import { Buffer } from 'node:buffer'
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'

const passed = /^(CI|NO_COLOR|FORCE_COLOR|TERM|VITEST_.*|POLYSOCKET_.*)$/

/**
 * @param {object} wanted
 * @param {string[]} wanted.command
 * @param {number} wanted.controllers
 * @param {boolean} wanted.bluetoothd
 * @param {boolean} wanted.terminal
 * @param {string} wanted.modules
 * @param {string} wanted.project
 * @param {{ name: string, folder: string }[]} wanted.packages
 * @param {number} wanted.attempt which boot this is, from 1
 * @returns {string} one line
 */
export function request({ command, controllers, bluetoothd, terminal, modules, project, packages, attempt }) {
  const environment = Object.entries(process.env).filter(([name]) => passed.test(name))
  const { rows = 24, columns = 80 } = process.stdout
  const lines = [
    ...environment.map(([name, value = '']) => `export ${name}=${quoted(value)}`),
    `command=(${command.map(quoted).join(' ')})`,
    `directory=${quoted(process.cwd())}`,
    `modules=${quoted(modules)}`,
    `node=${quoted(realpathSync(process.execPath))}`,
    `node_folder=${quoted(dirname(process.execPath))}`,
    `project=${quoted(project)}`,
    `packages=(${packages.map(({ name }) => quoted(name)).join(' ')})`,
    `package_folders=(${packages.map(({ folder }) => quoted(folder)).join(' ')})`,
    `controllers=${controllers}`,
    `bluetoothd=${bluetoothd ? 'yes' : 'no'}`,
    `terminal=${terminal ? `'rows ${rows} cols ${columns}'` : ''}`,
    `crash=${attempt <= Number(process.env.POLYSOCKET_LAB_CRASHES ?? 0) ? 'yes' : 'no'}`,
  ]
  return Buffer.from(lines.join('\n')).toString('base64')
}

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`
}
