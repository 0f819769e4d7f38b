import { describe, expect, test } from 'vitest'
import { adapters } from '../../src/bluetooth.ts'
import { printable } from '../../src/cli/printable.ts'
import { localAdapters } from '../../src/families/bluetooth/local-adapters.ts'
import { given, need, scheme } from '../support/need.ts'
import { commandLine, type Finished, Running } from './support.ts'

const { cli, compiled, path } = commandLine()

const run = (...args: string[]): Promise<Finished> => cli(...args).end().done
/** A bus that is not there, whatever the machine has. */
const withoutBus = (...args: string[]): Promise<Finished> => {
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path()}` }
  return new Running(process.execPath, [compiled('main.js'), ...args], env).end().done
}

const bluetoothd = await adapters().then(
  (found) => found.length > 0,
  () => false,
)
const noAdapter = need(
  (await localAdapters()).length === 0,
  'this machine has an adapter',
  'run it where there is none',
)
const noBluetoothd = need(!bluetoothd, 'bluetoothd runs here', 'run it where it does not')
const rfcomm = scheme('rfcomm')
const noRfcomm = need(!rfcomm.met, 'the kernel has Bluetooth', 'run it where it has not')

test.each([
  ['scan', /--kind <kind>[\s\S]*Needs bluetoothd/],
  ['services', /<device>[\s\S]*neither bluetoothd/],
])('%s --help', async (command, text) => {
  const { code, stdout, stderr } = await run(command, '--help')
  expect(stdout.toString()).toMatch(text)
  expect(stdout.toString()).toMatch(/Exit codes:/)
  expect(stderr).toBe('')
  expect(code).toBe(0)
})

describe('errors are one line with the code', () => {
  test.each<[args: string[], code: string]>([
    [['scan', '--kind', 'classic'], 'usage:'],
    [['scan', '--timeout', 'soon'], 'usage:'],
    [['scan', '--service', 'no such service'], 'TypeError'],
    [['scan', 'AA:BB:CC:DD:EE:FF'], 'usage:'],
    [['services'], 'usage:'],
    [['services', 'junk'], 'TypeError'],
    [['services', 'any'], 'TypeError'],
    [['services', '00:00:00:00:00:00'], 'TypeError'],
    [['services', 'AA:BB:CC:DD:EE:FF', '--local', 'junk'], 'TypeError'],
    [['services', 'AA:BB:CC:DD:EE:FF', '--timeout', '-1'], 'usage:'],
    [['cat', 'rfcomm://AA:BB:CC:DD:EE:FF/31'], 'ERR_ADDRESS_INVALID'],
    [['cat', 'rfcomm://AA:BB:CC:DD:EE/spp'], 'ERR_ADDRESS_INVALID'],
    [['cat', '--listen', 'rfcomm://any/spp'], '(ERR_ADDRESS_INVALID|ERR_FAMILY_UNAVAILABLE)'],
    [['relay', 'rfcomm://any/0', 'l2cap://AA:BB:CC:DD:EE:FF/0x1001'], 'ERR_UNSUPPORTED'],
  ])('polysocket %j: %s', async (args, code) => {
    const result = await run(...args)
    expect(result.stderr).toMatch(new RegExp(`^polysocket: ${code} ?[^\\n]*\\n$`))
    expect([2, ...(code.includes('UNAVAILABLE') ? [3] : [])]).toContain(result.code)
    expect(result.stdout).toHaveLength(0)
  })

  test('scan without D-Bus is 3, with the remedy', async () => {
    const result = await withoutBus('scan', '--timeout', '5000')
    expect(result.stderr).toMatch(/^polysocket: ERR_FAMILY_UNAVAILABLE [^\n]*start D-Bus[^\n]*\n$/)
    expect(result.code).toBe(3)
  })

  given(noBluetoothd)('scan without bluetoothd is 3, with the remedy', async () => {
    const result = await run('scan', '--timeout', '5000', '--json')
    expect(result.stderr).toMatch(/^polysocket: ERR_FAMILY_UNAVAILABLE [^\n]*(D-Bus|bluetoothd|adapter)[^\n]*\n$/)
    expect(result.stdout).toHaveLength(0)
    expect(result.code).toBe(3)
  })

  given(scheme('unixgram'), noRfcomm)(
    'services and cat where the kernel has no Bluetooth are 3, with the remedy',
    async () => {
      for (const args of [
        ['services', 'AA:BB:CC:DD:EE:FF'],
        ['cat', 'rfcomm://AA:BB:CC:DD:EE:FF/spp'],
      ]) {
        const result = await run(...args)
        expect(result.stderr).toMatch(/^polysocket: ERR_FAMILY_UNAVAILABLE [^\n]*modprobe[^\n]*\n$/)
        expect(result.code).toBe(3)
      }
    },
  )

  given(noAdapter)('services from an adapter that is not there is ENODEV', async () => {
    const result = await run('services', 'AA:BB:CC:DD:EE:FF', '--local', 'hci7')
    expect(result.stderr).toBe('polysocket: ENODEV there is no adapter hci7\n')
    expect(result.code).toBe(1)
  })
})

describe('option service', () => {
  // Each says by its error how the option arrived.
  test.each([
    ['service=spp', /ERR_FAMILY_UNAVAILABLE|listening/],
    ['service=nonsense', /TypeError service\.uuid must be .*'nonsense'/],
    ['service=0x1101', /ERR_FAMILY_UNAVAILABLE|listening/],
    ['service={"uuid":"spp","name":7}', /TypeError service\.name must be a string/],
  ])('%s', async (option, outcome) => {
    const listening = cli('cat', '--listen', 'rfcomm://any/0', '--option', option, '--timeout', '2000').end()
    expect((await listening.done).stderr).toMatch(outcome)
  })

  test('a scheme that has no services refuses it', async () => {
    const result = await run('cat', '--listen', 'tcp://127.0.0.1:0', '--option', 'service=spp')
    expect(result.stderr).toMatch(/^polysocket: ERR_OPTION_UNKNOWN /)
    expect(result.code).toBe(2)
  })
})

test("a stranger's name cannot write to the terminal as it likes", () => {
  expect(printable('Röst\u{1F600} 耳機')).toBe('Röst\u{1F600} 耳機')
  expect(printable('\u001b[2Jgone\nline\u009b1m\u202eback\u007f')).toBe(
    '\uFFFD[2Jgone\uFFFDline\uFFFD1m\uFFFDback\uFFFD',
  )
})
