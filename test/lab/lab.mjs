// Runs a command in a virtual machine whose kernel has Bluetooth and virtual controllers; README.md beside this file.
import { availableParallelism } from 'node:os'
import { install, missingPackages, remedy } from './vm/debian.mjs'
import { LabError } from './vm/errors.mjs'
import { initramfs } from './vm/initramfs.mjs'
import { cachedVersion, kernel } from './vm/kernel.mjs'
import { buildNodePackages, nodePackages } from './vm/node-packages.mjs'
import { parse, usage } from './vm/options.mjs'
import { cache, project } from './vm/places.mjs'
import { request } from './vm/request.mjs'
import { run } from './vm/run.mjs'

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof LabError)) throw error
  console.error(`lab: ${error.message}`)
  process.exitCode = error.exitCode
}

/** @param {string[]} args @returns {Promise<number>} the exit code */
async function main(args) {
  const onTerminal = Boolean(process.stdin.isTTY && process.stdout.isTTY)
  const options = parse(args, { onTerminal, cpus: availableParallelism() })
  if (options.help) {
    console.log(usage)
    return 0
  }
  if (options.install) install(cachedVersion(cache) === undefined)
  const missing = missingPackages()
  if (missing.length > 0) throw new LabError(`these Debian packages are missing; run:\n  ${remedy(missing)}`, 3)
  const { version, image, modules } = kernel(cache)
  const initrd = initramfs(cache, version, modules)
  if (options.install) buildNodePackages(cache)
  if (options.command.length === 0) return 0
  const machine = { ...options, image, initrd }
  return run(machine, (attempt) => request({ ...options, modules, project, packages: nodePackages(cache), attempt }))
}
