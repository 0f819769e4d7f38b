// What is counted on a side, and the processor's time that it took.

const cpuSince = (start) => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

/** What arrives at a server between two reports; each report begins anew. */
export class Tally {
  #amount = 0
  #first = 0
  #last = 0
  #cpu = process.cpuUsage()
  #unit

  /** `unit`: how much of what is added is one unit. */
  constructor(unit = 1) {
    this.#unit = unit
  }

  add(amount) {
    this.#last = performance.now()
    if (this.#amount === 0) this.#first = this.#last
    this.#amount += amount
  }

  report() {
    const result = {
      units: this.#amount / this.#unit,
      seconds: (this.#last - this.#first) / 1000,
      cpu: cpuSince(this.#cpu),
    }
    this.#amount = this.#first = this.#last = 0
    this.#cpu = process.cpuUsage()
    return result
  }
}

/** The time that a client's run takes, from here to `stop`. */
export function startClock() {
  const started = performance.now()
  const cpu = process.cpuUsage()
  return { stop: () => ({ seconds: (performance.now() - started) / 1000, cpu: cpuSince(cpu) }) }
}
