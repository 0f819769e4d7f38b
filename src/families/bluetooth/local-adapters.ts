import type { DatagramEndpoint } from '../../core/datagram.ts'
import { namedSystemError } from '../../core/errors.ts'
import { createSockets } from '../../core/sockets.ts'
import { clearTimeout, setTimeout } from '../../core/timers.ts'
import { raw } from '../raw.ts'
import { ANY, BDADDR_SIZE, decodeBdaddr } from './bdaddr.ts'
import { HCI_CHANNEL_CONTROL, hciAddress } from './hci-channel.ts'

/** An adapter of this machine, as the kernel knows it. */
export interface LocalAdapter {
  /** 0 is `hci0`. */
  readonly index: number
  /** `AA:BB:CC:DD:EE:FF` */
  readonly address: string
  readonly powered: boolean
  /** Whether Low Energy is switched on. */
  readonly le: boolean
}

/**
 * The management interface of the kernel, doc/mgmt-api.txt of BlueZ: commands of a header (code, adapter, length: 16 bits
 * each) and parameters, answered by events with the same header. All numbers are little-endian, whatever the machine is.
 */
const HEADER = 6
const READ_INDEX_LIST = 0x0003
const READ_INFO = 0x0004
const NO_INDEX = 0xffff
const COMMAND_COMPLETE = 0x0001
const COMMAND_STATUS = 0x0002
const SUCCESS = 0
/** Of the parameters of both events: the command's code, then its status, then of the first what was asked for. */
const STATUS_AT = 2
const RESULT_AT = 3
/** Of what READ_INFO answers: the address, version (1), manufacturer (2), supported settings (4), current settings. */
const SETTINGS_AT = BDADDR_SIZE + 7
const INFO_SIZE = SETTINGS_AT + 4
const POWERED = 1 << 0
const LE = 1 << 9

/** The kernel answers at once. */
const LIMIT = 2000

const { bind } = createSockets([raw])

/**
 * The adapters of this machine in the order of their numbers, asked of the kernel itself: needs neither bluetoothd nor
 * privileges. None where the kernel has no Bluetooth. Rejects with `ETIMEDOUT` when the kernel does not answer.
 */
export async function localAdapters(): Promise<LocalAdapter[]> {
  const control = await openControl()
  if (control === undefined) return []
  const timer = setTimeout(() => void control.close(), LIMIT)
  try {
    const adapters: LocalAdapter[] = []
    for (const index of indexesOf(await ask(control, READ_INDEX_LIST, NO_INDEX))) {
      const adapter = adapterOf(index, await ask(control, READ_INFO, index))
      if (adapter !== undefined) adapters.push(adapter)
    }
    return adapters.sort((a, b) => a.index - b.index)
  } finally {
    clearTimeout(timer)
    await control.close()
  }
}

async function openControl(): Promise<DatagramEndpoint | undefined> {
  try {
    return await bind(hciAddress(HCI_CHANNEL_CONTROL))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_FAMILY_UNAVAILABLE') return undefined
    throw error
  }
}

/** What a command without parameters answers; `undefined` where it fails: the adapter is gone, mostly. */
async function ask(control: DatagramEndpoint, command: number, index: number): Promise<Buffer | undefined> {
  const request = Buffer.alloc(HEADER)
  request.writeUInt16LE(command, 0)
  request.writeUInt16LE(index, 2)
  await control.send(request)
  for await (const { data } of control) {
    if (!isAnswer(data, command, index)) continue
    const parameters = data.subarray(HEADER)
    return parameters[STATUS_AT] === SUCCESS ? parameters.subarray(RESULT_AT) : undefined
  }
  throw namedSystemError('ETIMEDOUT', 'mgmt')
}

/** All who have the interface open are told of all that happens to the adapters; answers are among it. */
function isAnswer(data: Buffer, command: number, index: number): boolean {
  if (data.length < HEADER + RESULT_AT) return false
  const event = data.readUInt16LE(0)
  const isReply = event === COMMAND_COMPLETE || event === COMMAND_STATUS
  return isReply && data.readUInt16LE(2) === index && data.readUInt16LE(HEADER) === command
}

/** The number of adapters, then theirs. */
function indexesOf(list: Buffer | undefined): number[] {
  if (list === undefined || list.length < 2) return []
  const count = Math.min(list.readUInt16LE(0), (list.length - 2) >> 1)
  return Array.from({ length: count }, (_, position) => list.readUInt16LE(2 + 2 * position))
}

/** An adapter without an address has not been set up, and carries nothing. */
function adapterOf(index: number, info: Buffer | undefined): LocalAdapter | undefined {
  if (info === undefined || info.length < INFO_SIZE) return undefined
  const address = decodeBdaddr(info)
  const settings = info.readUInt32LE(SETTINGS_AT)
  return address === ANY
    ? undefined
    : { index, address, powered: (settings & POWERED) !== 0, le: (settings & LE) !== 0 }
}
