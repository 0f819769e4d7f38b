// Does what its arguments say to a watch for which nothing will happen; ends with 7 if it was still running after a while.
import { pair, READABLE, Watched } from './addon.mjs'

const [fd] = pair()
const watch = new Watched(fd, () => {})
watch.set(READABLE)
const acts = {
  ref: () => watch.ref(),
  unref: () => watch.unref(),
  idle: () => watch.set(0),
  set: () => {
    watch.set(0)
    watch.set(READABLE)
  },
}
for (const act of process.argv.slice(2)) acts[act]()
setTimeout(() => process.exit(7), 300).unref()
