import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { activate, socketActivate } from './activate.ts'

beforeAll(buildOnce, 120_000)

const script = fileURLToPath(new URL('scripts/variables.mjs', import.meta.url))

/** What listenFds gives after this shell line, in which `$$` is the process's own number. */
async function listed(line: string): Promise<unknown> {
  await using child = new Child('/bin/sh', ['-c', `${line}; exec "$0" "$@"`, process.execPath, script])
  const answer = await child.report()
  expect(await child.exited).toMatchObject({ code: 0, stderr: '' })
  return answer
}

describe('the variables that say which descriptors were passed', () => {
  test.each([
    ['nothing', 'true'],
    ['another process', 'export LISTEN_PID=1 LISTEN_FDS=1'],
    ['the parent, which did not unset them', 'export LISTEN_PID=$PPID LISTEN_FDS=1'],
    ['no process', 'export LISTEN_FDS=1'],
    ['no number', 'export LISTEN_PID=$$'],
  ])('for %s: there are none', async (_, line) => {
    expect(await listed(line)).toEqual([])
  })

  test.each(['-1', '0', 'two', '1.5', '', '1e3', ' 1', '99999999999999999999'])(
    'LISTEN_FDS=%s cannot be',
    async (count) => {
      const answer = await listed(`export LISTEN_PID=$$ LISTEN_FDS='${count}'`)
      expect(answer).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('LISTEN_FDS'), kept: true })
    },
  )

  test.each(['-1', 'me', ''])('LISTEN_PID=%s cannot be', async (pid) => {
    const answer = await listed(`export LISTEN_PID='${pid}' LISTEN_FDS=1`)
    expect(answer).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('LISTEN_PID'), kept: true })
  })

  test.each([2000, 2_000_000_000])('%d descriptors where there are fewer', async (count) => {
    const answer = await listed(`export LISTEN_PID=$$ LISTEN_FDS=${count}`)
    expect(answer).toMatchObject({
      code: 'EBADF',
      message: expect.stringMatching(/descriptor \d+ is not open/),
      kept: true,
    })
  })

  test.each(['', 'a', 'a:b:c', '::'])('two descriptors with the names %j', async (names) => {
    const answer = await listed(
      `exec 3</dev/null 4</dev/null; export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES='${names}'`,
    )
    expect(answer).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('LISTEN_FDNAMES'), kept: true })
  })

  test('files and pipes stay the caller’s', async () => {
    await using directory = await temporaryDirectory()
    const file = directory.file('text')
    writeFileSync(file, 'content')
    const opened = `exec 3<${file}; exec 4<<end\npiped\nend`
    expect(await listed(`${opened}\nexport LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=file:`)).toEqual([
      { name: 'file', kind: 'file', text: 'content' },
      { name: '', kind: 'file', text: 'piped\n' },
    ])
  })
})

given(scheme('unix'), socketActivate)('a mistake takes nothing: the socket can still be had', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('socket')
  const command = ['/bin/sh', '-c', 'LISTEN_FDS=2000 exec "$0" "$@"', process.execPath, script, 'again=LISTEN_FDS:1']
  await using child = await activate(['-l', path], 1, command)
  const client = await connect(`unix:${path}`)
  const reset = once(client, 'error')
  expect(await child.report()).toMatchObject({ code: 'EBADF', kept: true })
  expect(await child.report()).toEqual([{ name: 'unknown', kind: 'listener' }])
  expect(await child.exited).toMatchObject({ code: 0 })
  // Nobody accepted it.
  expect(await reset).toEqual([expect.objectContaining({ code: 'ECONNRESET' })])
})
