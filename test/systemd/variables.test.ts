import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/index.ts'
import { listenFds } from '../../src/systemd.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { activate, socketActivate } from './activate.ts'

beforeAll(buildOnce, 120_000)

const { pid, ppid } = process
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'] as const

function set(variables: Partial<Record<(typeof VARIABLES)[number], string | number>>): void {
  for (const [name, value] of Object.entries(variables)) process.env[name] = String(value)
}

const isSet = (): string[] => VARIABLES.filter((name) => process.env[name] !== undefined)

afterEach(() => {
  for (const name of VARIABLES) delete process.env[name]
})

describe('there are none', () => {
  test.each([
    ['nothing is said', {}],
    ['another process is meant', { LISTEN_PID: 1, LISTEN_FDS: 1 }],
    ['the parent is, which did not unset them', { LISTEN_PID: ppid, LISTEN_FDS: 1, LISTEN_PIDFDID: 7 }],
    ['no process is', { LISTEN_FDS: 1, LISTEN_FDNAMES: 'a' }],
    ['it is not said how many', { LISTEN_PID: pid }],
  ])('where %s', (_, variables) => {
    set(variables)
    const said = isSet()
    expect(listenFds({ unsetEnvironment: false }).all).toEqual([])
    expect(isSet()).toEqual(said)
    expect([...listenFds()]).toEqual([])
    expect(isSet()).toEqual([])
  })
})

describe('variables that cannot be', () => {
  function refused(code: string, message: RegExp): void {
    const said = isSet()
    expect(errorOf(listenFds)).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(isSet()).toEqual(said)
  }

  test.each(['-1', '0', 'two', '1.5', '', '1e3', ' 1', '9'.repeat(20)])('LISTEN_FDS=%s', (count) => {
    set({ LISTEN_PID: pid, LISTEN_FDS: count })
    refused('EINVAL', /LISTEN_FDS/)
  })

  test.each(['-1', '0', 'me', ''])('LISTEN_PID=%s', (value) => {
    set({ LISTEN_PID: value, LISTEN_FDS: 1 })
    refused('EINVAL', /LISTEN_PID/)
  })

  test.each([100_000, 999_999_999_999_999])('%d descriptors where there are fewer', (count) => {
    set({ LISTEN_PID: pid, LISTEN_FDS: count })
    refused('EBADF', /descriptor \d+ is not open/)
  })

  test.each(['', 'a', 'a:b:c', '::'])('two descriptors with the names %j', (names) => {
    // Two are open, whatever they are: nothing is done to them.
    set({ LISTEN_PID: pid, LISTEN_FDS: 2, LISTEN_FDNAMES: names })
    refused('EINVAL', /LISTEN_FDNAMES/)
  })
})

const script = fileURLToPath(new URL('scripts/variables.mjs', import.meta.url))

test('files and pipes stay the caller’s', async () => {
  await using directory = await temporaryDirectory()
  const file = directory.file('text')
  writeFileSync(file, 'content')
  const said = 'export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=file:'
  const line = `exec 3<${file}; exec 4<<end\npiped\nend\n${said}; exec "$0" "$@"`
  await using child = new Child('/bin/sh', ['-c', line, process.execPath, script])
  expect(await child.report()).toEqual([
    { name: 'file', kind: 'file', text: 'content' },
    { name: '', kind: 'file', text: 'piped\n' },
  ])
  expect(await child.exited).toMatchObject({ code: 0, stderr: '' })
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
