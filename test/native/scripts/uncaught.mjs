// A callback that throws three times. With `unhandled`, nobody listens.
import { pair, Watched, WRITABLE } from './addon.mjs'

const [fd] = pair()
let calls = 0
const watch = new Watched(fd, () => {
  calls++
  if (calls === 3) {
    watch.close()
    process.nextTick(() => console.log('tick'))
  }
  throw new Error(String(calls))
})
watch.set(WRITABLE)
if (process.argv[2] !== 'unhandled') process.on('uncaughtException', (error) => console.log(`caught ${error.message}`))
