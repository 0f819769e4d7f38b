import { execFileSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { buildOnce, root } from '../support/build.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const networkFlags = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []

beforeAll(buildOnce)

test('where the permission model hides /proc, a socket file still gets its mode', async () => {
  await using directory = await temporaryDirectory()
  const program = `
    import { statSync } from 'node:fs'
    import { listen } from 'polysocket'
    const path = ${JSON.stringify(directory.file('s'))}
    const listener = await listen({ family: 'unix', scheme: 'unix', path }, { engine: 'node', mode: 0o640 })
    console.log(process.permission.has('fs.read', '/proc/self/fd'), (statSync(path).mode & 0o777).toString(8))
    await listener.close()
  `
  const files = [
    `--allow-fs-read=${root}*`,
    `--allow-fs-read=${directory.path}/*`,
    `--allow-fs-write=${directory.path}/*`,
  ]
  const output = execFileSync(
    process.execPath,
    ['--no-warnings', flag, ...files, ...networkFlags, '--input-type=module', '-e', program],
    { cwd: root, encoding: 'utf8' },
  )
  expect(output).toBe('false 640\n')
})
