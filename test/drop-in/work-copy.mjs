// A copy of Node's tests in which `net` or `dgram` is our module and all else is Node's.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/** @typedef {{ root: string, ours: string, unchanged: string }} WorkCopy directories; the last two are like Node's `test` */

/**
 * `test/common` stays as it is in both copies: it makes the test's surroundings, with Node's own modules.
 *
 * @param {string} source Node's `test` directory
 * @returns {WorkCopy} remove `root` when done
 */
export function makeWorkCopy(source) {
  const root = mkdtempSync(join(tmpdir(), 'polysocket-node-tests-'))
  // Inside node_modules, since early versions of Node 20.19 warn of require() of an ES module everywhere else, and tests
  // look at warnings.
  const modules = join(root, 'node_modules')
  mkdirSync(modules)
  symlinkSync(checkout, join(modules, 'polysocket'))
  const copy = (/** @type {string} */ name, /** @type {(text: string, file: string) => string} */ change) => {
    const target = join(modules, name)
    mkdirSync(target)
    cpSync(join(source, 'common'), join(target, 'common'), { recursive: true })
    symlinkSync(join(source, 'fixtures'), join(target, 'fixtures'))
    for (const group of ['parallel', 'sequential']) {
      mkdirSync(join(target, group))
      for (const file of readdirSync(join(source, group))) {
        writeFileSync(join(target, group, file), change(readFileSync(join(source, group, file), 'utf8'), file))
      }
    }
    return target
  }
  return { root, ours: copy('ours', withOurModule), unchanged: copy('unchanged', (text) => text) }
}

/** In test-net-* the module net is exchanged, in test-dgram-* dgram, whether it is required or imported. */
function withOurModule(/** @type {string} */ text, /** @type {string} */ file) {
  const module = /^test-(net|dgram)-/.exec(file)?.[1]
  return text.replace(new RegExp(`(require\\(|from )'(?:node:)?${module}'`, 'g'), `$1'polysocket/${module}'`)
}
