import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { afterAll, expect } from 'vitest'
import { readExactly } from '../support/bytes.ts'
import { given, need } from '../support/need.ts'
import { connect, giveToNoble, startDevice, subscribed } from './nus.ts'
import { pairOfControllers, restartControllers } from './support.ts'

const PACKAGE = '@stoprocent/noble'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function isInstalled(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE)
    return true
  } catch {
    return false
  }
}

const shown = given(need(isInstalled(), `there is no ${PACKAGE} here`, 'npm run lab -- --install'))

afterAll(() => {
  restartControllers(2)
})

shown('the other noble, handed over as an option: 20 kB there, 20 kB back, and a clean end', async () => {
  const { far: home, near: far } = pairOfControllers()
  await giveToNoble(home)
  const { withBindings } = (await import(PACKAGE)) as { withBindings: (name: string, options: object) => object }
  // With the scans of Bluetooth 5 the emulation does not hear the advertising of Bluetooth 4.
  const noble = withBindings('hci', { extended: false })
  await using child = await startDevice(far)
  await using stream = await connect(`ble://${far.address}/nus`, { noble })
  await subscribed(child)
  const bytes = randomBytes(20_000)
  child.tell('send 20000')
  stream.write(bytes)
  const got = await readExactly(stream, 20_000)
  expect(await child.report()).toEqual({ sent: 20_000, sha256: sha256(got) })
  stream.end()
  stream.resume()
  await once(stream, 'close')
  expect(await child.report()).toEqual({ closed: 20_000, sha256: sha256(bytes) })
})
