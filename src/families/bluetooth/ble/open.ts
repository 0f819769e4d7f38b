import type { OpenRequest } from '../../../core/options.ts'
import { sleep } from '../../../core/timers.ts'
import type { BleAddress } from '../address.ts'
import { checkBle, formatBle } from './address-text.ts'
import { isWorthAnother } from './errors.ts'
import { findCharacteristics, subscribe } from './gatt.ts'
import { loadNoble } from './load.ts'
import { type BleOptions, readBleOptions } from './options.ts'
import { type Radio, radioOf } from './radio.ts'
import { Sender } from './sender.ts'
import { BleStream } from './stream.ts'

/** The device was there and the connection still did not come about: a matter of luck on the air, so luck is tried again. */
const ATTEMPTS = 3
/** Milliseconds between two of them. */
const DELAY = 250

/** Connects, in {@link ATTEMPTS} at most. */
export async function openBle(address: BleAddress, request: OpenRequest<BleAddress>): Promise<BleStream> {
  const options = readBleOptions(request)
  const to = checkBle(address)
  const { signal } = request
  signal?.throwIfAborted()
  const radio = radioOf(options.noble ?? (await loadNoble()))
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(radio, to, options, signal)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (attempt >= ATTEMPTS || !isWorthAnother(error)) throw error
    }
    await sleep(DELAY, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

async function open(
  radio: Radio,
  address: BleAddress,
  { withResponse }: BleOptions,
  signal: AbortSignal | undefined,
): Promise<BleStream> {
  const link = await radio.connect(address.device, signal, formatBle(address))
  try {
    const characteristics = await findCharacteristics(link, address, withResponse, signal)
    const stream = new BleStream(link, new Sender(link, characteristics), address)
    await subscribe(link, characteristics.notify, (data) => stream.receive(data), signal)
    signal?.throwIfAborted()
    return stream
  } catch (error) {
    void link.disconnect()
    throw error
  }
}
