import { explained } from '../../../core/errors.ts'
import { clearInterval, setInterval } from '../../../core/timers.ts'
import { orAbort } from '../driver/or-abort.ts'
import { Turns } from '../driver/turns.ts'
import { dial } from './dial.ts'
import { completeUserChannel, isUnplugged, onUnplugged, sleep, wake } from './internals.ts'
import { Link } from './link.ts'
import { forgetNoble, isOurs } from './load.ts'
import type { Noble, NoblePeripheral } from './noble.ts'
import { poweredOn } from './power.ts'
import { matches, Scan } from './scan.ts'

/** HCI's "Hardware Failure". */
const ADAPTER_GONE = 0x03

/** Milliseconds between two looks. */
const LOOK = 1000

const radios = new WeakMap<Noble, Radio>()

/** The one of an instance of noble. */
export function radioOf(noble: Noble): Radio {
  const radio = radios.get(noble) ?? new Radio(noble)
  radios.set(noble, radio)
  return radio
}

/** An adapter, as noble drives it: one search, one connect at a time, and the connections that are open. */
export class Radio {
  readonly #noble: Noble
  /** Also after it was given up for another one. */
  readonly #isOurs: boolean
  readonly #scan: Scan
  readonly #turns = new Turns()
  readonly #links = new Set<Link>()
  /** How to give up the connections that are being made. */
  readonly #connecting = new Set<() => void>()
  /** Connections that are open, and those that are being made. */
  #users = 0
  /** Looks for the adapter while there is a connection. */
  #look: NodeJS.Timeout | undefined
  #asleep = false
  #watching = false

  constructor(noble: Noble) {
    this.#noble = noble
    this.#isOurs = isOurs(noble)
    this.#scan = new Scan(noble)
  }

  /** Connects to the device: looks for it until it is heard, then calls it. There is one connection to a device, else `EBUSY`. */
  async connect(device: string, signal: AbortSignal | undefined, address: string): Promise<Link> {
    this.#enter()
    const power = new AbortController()
    const onPower = (): void => power.abort(explained('EHOSTUNREACH', 'connect', address, 'the adapter went away'))
    try {
      await this.#ready(signal, address)
      this.#connecting.add(onPower)
      const either = signal === undefined ? power.signal : AbortSignal.any([signal, power.signal])
      await this.#free(device, either, address)
      const peripheral = await this.#scan.find(device, either, address)
      await this.#dial(peripheral, either, address)
      return this.#open(new Link(peripheral, address))
    } finally {
      this.#connecting.delete(onPower)
      this.#leave()
    }
  }

  async #ready(signal: AbortSignal | undefined, address: string): Promise<void> {
    await poweredOn(this.#noble, signal, address)
    completeUserChannel(this.#noble)
    if (this.#watching) return
    this.#watching = true
    this.#noble.on('stateChange', (state: string) => state === 'poweredOn' || this.#lose())
    onUnplugged(this.#noble, () => this.#unplugged())
  }

  /** Another instance may find another adapter, or the same one when it is plugged in again. */
  #unplugged(): void {
    forgetNoble(this.#noble)
    this.#lose()
  }

  /** The adapter is gone. */
  #lose(): void {
    for (const link of [...this.#links]) abandon(link)
    for (const giveUp of [...this.#connecting]) giveUp()
  }

  /** Waits for a connection of ours that is about to end. */
  async #free(device: string, signal: AbortSignal, address: string): Promise<void> {
    for (const link of [...this.#links]) {
      if (!matches(link.peripheral, device)) continue
      if (!link.isLeaving) throw explained('EBUSY', 'connect', address, 'there is a connection to the device already')
      await orAbort(link.gone, signal)
    }
  }

  async #dial(peripheral: NoblePeripheral, signal: AbortSignal, address: string): Promise<void> {
    const end = await this.#turns.take(signal)
    this.#enter()
    this.#scan.pause()
    const { connected, over } = dial(peripheral, signal, address)
    void over.then(() => {
      this.#scan.resume()
      this.#leave()
      end()
    })
    return connected
  }

  #open(link: Link): Link {
    this.#enter()
    this.#links.add(link)
    this.#look ??= setInterval(() => isUnplugged(this.#noble) && this.#unplugged(), LOOK).unref()
    link.onLost(() => this.#forget(link))
    // Gone in the very turn in which it came.
    if (link.peripheral.state !== 'connected') link.lose()
    return link
  }

  #forget(link: Link): void {
    this.#links.delete(link)
    if (this.#links.size === 0) {
      clearInterval(this.#look)
      this.#look = undefined
    }
    this.#leave()
  }

  #enter(): void {
    this.#users++
    if (!this.#asleep) return
    this.#asleep = false
    wake(this.#noble)
  }

  /** An instance of our own does not keep the process alive while nobody uses it. */
  #leave(): void {
    this.#users--
    if (this.#users > 0 || !this.#isOurs) return
    this.#asleep = true
    sleep(this.#noble)
  }
}

/** noble does not say of each that it is gone, and would take it for connected for ever. */
function abandon(link: Link): void {
  link.lose(ADAPTER_GONE)
  try {
    link.peripheral.disconnect()
  } catch {
    // It knew.
  }
}
