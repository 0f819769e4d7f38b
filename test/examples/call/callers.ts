import { once } from 'node:events'
import { type Address, formatAddress, type Listener, listen, type StreamEndpoint } from 'polysocket'
import type { Call } from '../../../examples/call/signalling/call.ts'
import { type DialOptions, dial } from '../../../examples/call/signalling/dial.ts'
import {
  answerCalls,
  type Switchboard,
  type SwitchboardOptions,
} from '../../../examples/call/signalling/switchboard.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

export const media = { voice: 'udp://127.0.0.1:5004', video: 'tcp://127.0.0.1:5006' }

/** Somebody who can be called, and those who call. Disposing of it hangs up and closes everything. */
export class Place implements AsyncDisposable {
  readonly address: string
  readonly switchboard: Switchboard
  readonly #incoming: Call[] = []
  readonly #wanted: ((call: Call) => void)[] = []
  readonly #dialled: Call[] = []
  readonly #cleanUp: () => Promise<void>

  private constructor(listener: Listener<StreamEndpoint>, options: SwitchboardOptions, cleanUp: () => Promise<void>) {
    this.address = formatAddress(listener.address as Address)
    this.switchboard = answerCalls(listener, (call) => this.#rings(call), options)
    this.#cleanUp = cleanUp
  }

  static async open(scheme: 'tcp' | 'unix' | 'memory', options: SwitchboardOptions = {}): Promise<Place> {
    const directory = await temporaryDirectory()
    const at = { tcp: 'tcp://127.0.0.1:0', unix: `unix:${directory.file('call')}`, memory: `memory:${directory.path}` }
    const listener = (await listen(at[scheme])) as Listener<StreamEndpoint>
    return new Place(listener, options, async () => directory[Symbol.asyncDispose]())
  }

  #rings(call: Call): void {
    // A caller may say something in the moment in which it rings.
    textsOf(call)
    const wanted = this.#wanted.shift()
    if (wanted === undefined) this.#incoming.push(call)
    else wanted(call)
  }

  /** The next call that comes in. */
  async rings(): Promise<Call> {
    return this.#incoming.shift() ?? new Promise((resolve) => this.#wanted.push(resolve))
  }

  dial(options: Partial<DialOptions> = {}, address: string = this.address): Call {
    const call = dial(address, { from: 'alice', ...options })
    this.#dialled.push(call)
    return call
  }

  /** A call that was answered: its two ends. */
  async connected(options: Partial<DialOptions> = {}, address: string = this.address): Promise<[Call, Call]> {
    const near = this.dial(options, address)
    const accepted = once(near, 'accepted')
    const far = await this.rings()
    far.answer(media)
    await accepted
    return [near, far]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const call of this.#dialled) call.hangUp()
    await this.switchboard.close()
    await Promise.all(this.#dialled.map(({ closed }) => closed))
    await this.#cleanUp()
  }
}

const heard = new WeakMap<Call, string[]>()

/** The texts that have arrived, and those that will, from the first time that somebody asks for them. */
export function textsOf(call: Call): string[] {
  const known = heard.get(call)
  if (known !== undefined) return known
  const texts: string[] = []
  heard.set(call, texts)
  call.on('text', (text) => texts.push(text))
  return texts
}

/** What happens to a call, by the names of its events. */
export function logOf(call: Call): string[] {
  const log: string[] = []
  for (const event of ['ringing', 'accepted', 'lost', 'back', 'ended'] as const) call.on(event, () => log.push(event))
  return log
}
