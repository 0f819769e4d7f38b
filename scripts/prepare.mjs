// Runs at `npm ci` in a checkout: compiles the TypeScript, then the addon.
// Without a compiler the package still works through the node engine, so a native build that fails is reported and the
// installation goes on. Neither goes through `npm run`: npm would take the script `prebuild` for a hook of `build`.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const command = join(root, 'dist/cli/main.js')
const say = (line) => console.log(`polysocket: ${line}`)

function compileTypeScript() {
  let compiler
  try {
    compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  } catch {
    say(
      'nothing was built, since the development dependencies are not installed; to build it, run: npm ci --include=dev',
    )
    process.exit(0)
  }
  // The examples import the package as its users do: from what the first has made.
  for (const config of ['tsconfig.build.json', 'examples/tsconfig.json']) {
    const { status } = spawnSync(process.execPath, [compiler, '-p', config], { cwd: root, stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
  }
  // npm sees to this where it links the command, which it does for `npx polysocket` in a checkout the first time only.
  chmodSync(command, 0o755)
}

function compileAddon() {
  if (process.platform !== 'linux')
    return say(`the kernel engine is for Linux; on ${process.platform} the node engine is used`)
  const build = spawnSync(
    process.execPath,
    [join(root, 'scripts/with-headers.mjs'), 'node-gyp', 'rebuild', '-C', 'native'],
    {
      cwd: root,
      // node-gyp goes by npm's level, and says nothing at all under `npm --silent`.
      env: { ...process.env, npm_config_loglevel: 'error' },
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
    },
  )
  if (build.status === 0) return say('the kernel engine is built')
  say('the addon was not built; tcp, udp and unix work through the node engine, the other schemes do not')
  for (const line of reasons(`${build.stderr}\n${build.stdout}`)) say(`  ${line}`)
  say('to build it, install a C++17 compiler, make and python3, then run: npm run build:native')
}

/** The lines that tell what went wrong, out of the page or two that node-gyp prints. */
function reasons(output) {
  const lines = output.split('\n').map((line) => line.replace(/^gyp ERR! (stack )?/, '').trim())
  const telling = lines.filter((line) =>
    /\berror: |: not found|No such file|Error \d+$|npm scripts have it/i.test(line),
  )
  return [...new Set(telling)].slice(0, 3)
}

// The first `npx polysocket` in a checkout has npm link it, and prepare it once more for that: half a minute for nothing.
const isForNpx = process.env.npm_command === 'exec'
if (!isForNpx || !existsSync(command)) {
  compileTypeScript()
  compileAddon()
}
