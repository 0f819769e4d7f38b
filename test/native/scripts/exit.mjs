// Ends its environment at one stage of a socket's life. Arguments: the stage, and how it ends: `return` (nothing more to
// do), `exit`, `throw`, or `terminate` (says so to its parent, for a worker).
import { parentPort, workerData } from 'node:worker_threads'
import { addon, pair, READABLE, Watched, WRITABLE } from './addon.mjs'

const [stage, ending] = workerData ?? process.argv.slice(2)

function end() {
  if (ending === 'exit') process.exit(5)
  if (ending === 'throw') throw new Error('the end')
  if (ending === 'terminate') {
    parentPort.postMessage('now')
    // Not back to the event loop: termination finds us in JavaScript.
    if (stage === 'callback') for (;;);
    setInterval(() => {}, 1000)
  }
}

function endless(fd, events) {
  const watch = new Watched(fd, () => {})
  watch.set(events)
  return watch
}

const nothing = () => {}
const name = new Uint8Array([1, 0, 0, ...Buffer.from(`polysocket-exit-${process.pid}-${Math.random()}`)])

const stages = {
  none: nothing,
  fresh: () => addon.socket(1, 1, 0),
  bound: () => addon.bind(addon.socket(1, 2, 0), name),
  listening: () => {
    const fd = addon.socket(1, 1, 0)
    addon.bind(fd, name)
    addon.listen(fd, 5)
    endless(fd, READABLE).unref()
    const client = addon.socket(1, 1, 0)
    addon.connect(client, name)
    addon.accept(fd, new Uint8Array(128), new Int32Array(1))
  },
  connecting: () => {
    const fd = addon.socket(2, 1, 0)
    addon.connect(fd, new Uint8Array([2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))
    endless(fd, WRITABLE).unref()
  },
  idle: () => new Watched(pair()[0], nothing),
  waiting: () => endless(pair()[0], READABLE).unref(),
  ready: () => endless(pair()[0], WRITABLE).unref(),
  closed: () => endless(pair()[0], WRITABLE).close(),
  many: () => {
    for (let i = 0; i < 300; i++) endless(pair()[0], i % 4).unref()
  },
}

if (stage === 'callback') {
  const watch = new Watched(pair()[0], () => {
    if (ending === 'return') watch.close()
    end()
  })
  watch.set(WRITABLE)
} else if (stage === 'closing') {
  // The loop has closed some and not yet others.
  const watches = Array.from({ length: 50 }, () => endless(pair()[0], WRITABLE))
  setImmediate(() => {
    for (const watch of watches) watch.close()
    end()
  })
} else if (stage === 'cleanup') {
  process.on('exit', () => {
    for (const run of Object.values(stages)) run()
    const watch = endless(pair()[0], READABLE)
    watch.close()
  })
  end()
} else if (stage === 'loading') {
  end()
} else {
  stages[stage]()
  end()
}
