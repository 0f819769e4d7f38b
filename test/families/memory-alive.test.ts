import { beforeAll, expect, test } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'

beforeAll(buildOnce, 120_000)

/** Long enough for a process that ends by itself to have ended, short of what a test may take. */
const ALIVE = 2_000

function run(script: string): Child {
  const source = `import { bind, connect, listen, socketpair } from 'polysocket'\n${script}`
  return new Child(process.execPath, ['--input-type=module', '--eval', source])
}

const pair = "const l = await listen('memory:x'); const c = await connect('memory:x'); const s = await l.accept()"

test.concurrent.each([
  ['everything is closed', `${pair}; for (const e of [c, s]) e.destroy(); await l.close()`],
  [
    'everything is unreferenced',
    `${pair}; for (const e of [l, c, s]) e.unref(); const d = await bind('memorygram:x'); d.unref(); void d.receive()`,
  ],
  ['both ends have ended', `${pair}; l.close(); s.resume().on('end', () => s.end()); c.resume().end('bye')`],
  ['what is on its way has nobody to arrive at', `${pair}; l.close(); c.write('x'); c.destroy(); s.destroy()`],
])('a process ends by itself when %s', async (_, script) => {
  await using child = run(script)
  expect(await child.exited).toMatchObject({ code: 0, signal: null, stderr: '' })
})

test.concurrent.each([
  ['a listener', "await listen('memory:x')"],
  ['a stream that reads', `${pair}; l.close(); s.unref(); c.ref()`],
  ['a datagram socket', "await bind('memorygram:x')"],
  [
    'a connect that waits for the backlog',
    "const l = await listen('memory:x', { backlog: 0 }); l.unref(); await connect('memory:x'); await connect('memory:x')",
  ],
])('%s keeps the process alive', async (_, script) => {
  await using child = run(script)
  const waited = new Promise((resolve) => setTimeout(resolve, ALIVE, 'still running'))
  expect(await Promise.race([child.exited, waited])).toBe('still running')
})

test('delayed bytes arrive although nothing else keeps the process alive', async () => {
  await using child = run(`
    const l = await listen('memory:x?delay=150'); const c = await connect('memory:x'); const s = await l.accept(); l.close()
    s.on('data', (data) => process.stdout.write(data)).on('end', () => s.end())
    c.resume().end('late')`)
  expect(await child.exited).toMatchObject({ code: 0, stdout: 'late', stderr: '' })
})
