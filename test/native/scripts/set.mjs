// Sets the same events again and again, in turns of the loop of their own.
import { setImmediate } from 'node:timers/promises'
import { pair, READABLE, Watched } from './addon.mjs'

const [fd] = pair()
const watch = new Watched(fd, () => {})
for (let i = 0; i < 100; i++) {
  watch.set(READABLE)
  await setImmediate()
}
watch.close()
console.log(fd)
