// The processes of one row for one of its contenders (ours, the peer, the reference in C): idle, but in a round of theirs.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Side } from './sides.mjs'

const BETWEEN_REPORTS = 5
/** After so many reports without news, what was sent and has neither arrived nor been counted as dropped is lost. */
const QUIET_REPORTS = 10
/** The same where nothing may be lost: a relay that the system does not let run is no failure. */
const QUIET_REPORTS_OF_RELIABLE = 2000
/** Units are fractions where what arrives is counted in bytes. */
const TOLERANCE = 0.5

const side = fileURLToPath(new URL('./side.mjs', import.meta.url))

/** What starts a side of a library. */
export const nodeSide =
  (library) =>
  (role, workload, address = '') => [process.execPath, '--expose-gc', side, library, role, workload, address]

/** What starts a side of the reference in C. */
export const referenceSide = (program) => (role, workload, address) =>
  address === undefined ? [program, role, workload] : [program, role, workload, address]

export class Contender {
  #sides = new Map()
  #directory
  #name

  constructor(name, directory) {
    this.#name = name
    this.#directory = directory
  }

  async startPair(command, workload) {
    const { address } = await this.#start('server', command('server', workload))
    await this.#start('client', command('client', workload, address))
    return this
  }

  /** From a source over the relay to a sink; `load` starts source and sink. */
  async startRelay(command, load, streams) {
    const sink = await this.#start('server', load('server', 'relay-sink'))
    const relay = await this.#start('relay', command('server', 'relay', sink.address))
    await this.#start('client', load('client', 'relay-source', `${relay.address}:${streams}`))
    return this
  }

  #start(part, command) {
    const started = new Side(`${this.#name}, ${part}`, command, this.#directory)
    this.#sides.set(part, started)
    return started.next()
  }

  /** The numbers of its processes, each with the part that it plays. */
  get processes() {
    return [...this.#sides].map(([part, { pid }]) => [part, pid])
  }

  ask(part, command) {
    return this.#sides.get(part).ask(command)
  }

  /** Runs the workload once; `cpu` is the processor's time, in seconds, of the processes that count. */
  async round(milliseconds, of = ['client', 'server']) {
    const ran = await this.#sides.get('client').ask(`run ${milliseconds}`, milliseconds)
    const arrived = await this.#settle(ran.sent)
    const relay = await this.#sides.get('relay')?.ask('report')
    // What goes one way counts where it arrives.
    const counted = ran.sent === undefined ? ran : arrived
    const cpu = { client: ran.cpu, server: arrived.cpu, relay: relay?.cpu }
    return {
      units: counted.units,
      // All that came may have come at once.
      seconds: counted.seconds || ran.seconds,
      cpu: of.reduce((sum, part) => sum + cpu[part], 0),
      p50: ran.p50,
      p99: ran.p99,
      sent: ran.sent,
      dropped: arrived.dropped,
    }
  }

  /** What arrived at the server, once all that was sent has, or nothing comes any more. */
  async #settle(sent = 0) {
    const total = await this.ask('server', 'report')
    const isReliable = total.dropped === undefined
    const isMissing = () => total.units + (total.dropped ?? 0) < sent - TOLERANCE
    const patience = isReliable ? QUIET_REPORTS_OF_RELIABLE : QUIET_REPORTS
    for (let quiet = 0; isMissing() && quiet < patience; ) {
      await sleep(BETWEEN_REPORTS)
      const more = await this.ask('server', 'report')
      quiet = more.units === 0 ? quiet + 1 : 0
      total.units += more.units
      total.seconds += more.seconds
      total.cpu += more.cpu
      if (!isReliable) total.dropped += more.dropped
    }
    if (isReliable && isMissing()) throw new Error(`${this.#name}: of ${sent} only ${total.units} arrived`)
    return total
  }

  async end() {
    await Promise.all([...this.#sides.values()].map((started) => started.end()))
  }
}
