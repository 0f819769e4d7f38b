import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Child } from '../support/child.ts'
import { dbusPython, busNeeds as pythonBus } from '../support/dbus.ts'
import { type Need, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

export const busNeeds: Need[] = [...pythonBus, scheme('unix')]

/** Where everybody may own every name and call everything. */
const config = (path: string): string => `<busconfig>
<type>session</type><listen>unix:path=${path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`

export interface PrivateBus extends AsyncDisposable {
  readonly path: string
  /** Ends the bus itself. */
  kill(): Promise<void>
}

/** A real dbus-daemon, which is the system bus to this process for as long as it lasts. */
export async function privateBus(): Promise<PrivateBus> {
  const directory = await temporaryDirectory()
  const path = directory.file('bus')
  await writeFile(directory.file('config'), config(path))
  const daemon = spawn('dbus-daemon', ['--nofork', '--print-address', `--config-file=${directory.file('config')}`])
  await once(daemon.stdout, 'data')
  const before = process.env.DBUS_SYSTEM_BUS_ADDRESS
  process.env.DBUS_SYSTEM_BUS_ADDRESS = `unix:path=${path}`
  const kill = async (): Promise<void> => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return
    daemon.kill()
    await once(daemon, 'close')
  }
  return {
    path,
    kill,
    async [Symbol.asyncDispose]() {
      if (before === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
      else process.env.DBUS_SYSTEM_BUS_ADDRESS = before
      await kill()
      await directory[Symbol.asyncDispose]()
    },
  }
}

/** The stand-in for bluetoothd; see bluez-daemon.py. */
export class FakeBluetoothd implements AsyncDisposable {
  readonly #child: Child

  private constructor(child: Child) {
    this.#child = child
  }

  static async start(bus: PrivateBus): Promise<FakeBluetoothd> {
    const script = fileURLToPath(new URL('bluez-daemon.py', import.meta.url))
    const child = new Child(dbusPython as string, [script, `unix:path=${bus.path}`])
    await child.line()
    return new FakeBluetoothd(child)
  }

  async tell<T = unknown>(...command: readonly unknown[]): Promise<T> {
    this.#child.tell(JSON.stringify(command))
    return this.#child.report<T>()
  }

  addAdapter(id = 'hci0', properties: Record<string, unknown> = {}): Promise<unknown> {
    const Address = `00:00:00:00:00:0${id.slice(3)}`
    const all = { Address, Name: 'host', Alias: 'host', Powered: true, ...properties }
    return this.tell('add', `/org/bluez/${id}`, 'org.bluez.Adapter1', all)
  }

  /** The path of its object. */
  async addDevice(address: string, properties: Record<string, unknown> = {}, adapter = 'hci0'): Promise<string> {
    const path = `/org/bluez/${adapter}/dev_${address.replaceAll(':', '_')}`
    const all = { Address: address, AddressType: 'public', Adapter: `/org/bluez/${adapter}`, ...properties }
    await this.tell('add', path, 'org.bluez.Device1', all)
    return path
  }

  change(path: string, name: string, properties: Record<string, unknown>): Promise<unknown> {
    return this.tell('change', path, `org.bluez.${name}1`, properties)
  }

  /** Members that were called, each with its arguments. */
  calls(): Promise<[string, unknown[]][]> {
    return this.tell('calls')
  }

  /** Until this member was called. */
  async called(member: string): Promise<unknown[]> {
    for (;;) {
      const found = (await this.calls()).find(([name]) => name === member)
      if (found !== undefined) return found[1]
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  kill(): Promise<void> {
    return this.#child[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}
