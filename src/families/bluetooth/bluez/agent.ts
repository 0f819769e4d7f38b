import { BLUEZ_PATH, type BluezBus, type CallOptions, type ExportedMethod, Refusal } from './bus.ts'
import { type BluetoothDevice, deviceOf } from './device.ts'
import { DEVICE } from './objects.ts'

/** What the agent's user can do: doc/agent-api.txt of BlueZ, RegisterAgent. It decides which way of pairing is chosen. */
export type AgentCapability = 'DisplayOnly' | 'DisplayYesNo' | 'KeyboardOnly' | 'NoInputNoOutput' | 'KeyboardDisplay'

/** Only `true` consents. */
export type Consent = boolean | Promise<boolean>

/**
 * Answers the questions of a pairing: org.bluez.Agent1, doc/agent-api.txt of BlueZ. A question without a callback is refused,
 * and so is one whose callback throws or rejects: the pairing then fails.
 */
export interface PairingAgent {
  /** Default: what the callbacks that there are can do. */
  readonly capability?: AgentCapability
  /** The PIN that the device has or shows, 1 to 16 characters; devices before Bluetooth 2.1. */
  requestPinCode?(device: BluetoothDevice): string | Promise<string>
  /** To be typed on the device. `cancel` says when it need not be shown any more. */
  displayPinCode?(device: BluetoothDevice, pinCode: string): void | Promise<void>
  /** The number that the device shows, 0 to 999999. */
  requestPasskey?(device: BluetoothDevice): number | Promise<number>
  /** To be typed on the device, six digits with leading zeros; called again with each that was `entered`. */
  displayPasskey?(device: BluetoothDevice, passkey: number, entered: number): void | Promise<void>
  /** Whether the device shows the same number. */
  requestConfirmation?(device: BluetoothDevice, passkey: number): Consent
  /** Whether the device, which shows and asks nothing, may be paired. */
  requestAuthorization?(device: BluetoothDevice): Consent
  /** Whether the device may use this service of ours, a UUID. */
  authorizeService?(device: BluetoothDevice, uuid: string): Consent
  /** The question that is open has answered itself: the pairing has ended. */
  cancel?(): void
  /** No question will come any more: bluetoothd has let go of the agent, or has gone. */
  release?(): void
}

const AGENT = 'org.bluez.Agent1'
const MANAGER = 'org.bluez.AgentManager1'
const AGENT_PATH = '/polysocket/agent'

/** Makes the agent answer for what this connection starts; as the default one also for what devices start. */
export async function offerAgent(
  bus: BluezBus,
  agent: PairingAgent,
  asDefault: boolean,
  options: CallOptions,
): Promise<void> {
  bus.offer(AGENT_PATH, AGENT, methodsOf(bus, agent))
  const capability = agent.capability ?? capabilityOf(agent)
  await bus.call(BLUEZ_PATH, MANAGER, 'RegisterAgent', 'os', [AGENT_PATH, capability], options)
  if (asDefault) await bus.call(BLUEZ_PATH, MANAGER, 'RequestDefaultAgent', 'o', [AGENT_PATH], options)
}

function capabilityOf(agent: PairingAgent): AgentCapability {
  const canType = agent.requestPasskey !== undefined || agent.requestPinCode !== undefined
  const canConfirm = agent.requestConfirmation !== undefined
  const canShow = canConfirm || agent.displayPasskey !== undefined || agent.displayPinCode !== undefined
  if (canType) return canShow ? 'KeyboardDisplay' : 'KeyboardOnly'
  if (canConfirm) return 'DisplayYesNo'
  return canShow ? 'DisplayOnly' : 'NoInputNoOutput'
}

function methodsOf(bus: BluezBus, agent: PairingAgent): Record<string, ExportedMethod> {
  const device = (path: unknown): BluetoothDevice => deviceOf(bus.objects.get(path as string)?.[DEVICE] ?? {})
  const method = (takes: string, gives: string, run: (args: readonly unknown[]) => unknown): ExportedMethod => ({
    takes,
    gives,
    run: (args) => refusing(() => run(args)),
  })
  const asks = (takes: string, ask: (args: readonly unknown[]) => Consent | undefined): ExportedMethod =>
    method(takes, '', async (args) => {
      if ((await ask(args)) !== true) throw rejected('the agent does not consent')
    })
  return {
    RequestPinCode: method('o', 's', async ([path]) => checkPinCode(await agent.requestPinCode?.(device(path)))),
    RequestPasskey: method('o', 'u', async ([path]) => checkPasskey(await agent.requestPasskey?.(device(path)))),
    DisplayPinCode: method('os', '', ([path, pin]) => agent.displayPinCode?.(device(path), pin as string)),
    DisplayPasskey: method('ouq', '', ([path, passkey, entered]) =>
      agent.displayPasskey?.(device(path), passkey as number, entered as number),
    ),
    RequestConfirmation: asks('ou', ([path, passkey]) => agent.requestConfirmation?.(device(path), passkey as number)),
    RequestAuthorization: asks('o', ([path]) => agent.requestAuthorization?.(device(path))),
    AuthorizeService: asks('os', ([path, uuid]) => agent.authorizeService?.(device(path), uuid as string)),
    Cancel: method('', '', () => agent.cancel?.()),
    Release: method('', '', () => agent.release?.()),
  }
}

/** Whatever a callback throws refuses: bluetoothd knows no other answer, and the pairing tells the rest by its own error. */
async function refusing(run: () => unknown): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    throw error instanceof Refusal ? error : rejected(error instanceof Error ? error.message : String(error))
  }
}

function rejected(why: string): Refusal {
  return new Refusal('org.bluez.Error.Rejected', why)
}

function checkPinCode(pin: unknown): string {
  if (typeof pin === 'string' && pin.length >= 1 && Buffer.byteLength(pin) <= 16) return pin
  throw rejected('a PIN has 1 to 16 characters')
}

function checkPasskey(passkey: unknown): number {
  if (typeof passkey === 'number' && Number.isInteger(passkey) && passkey >= 0 && passkey <= 999_999) return passkey
  throw rejected('a passkey is a number of six digits')
}
