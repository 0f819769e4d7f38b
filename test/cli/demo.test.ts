import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { type Case, demoCases } from '../../src/cli/demo/cases.ts'
import { readPayload } from '../../src/cli/demo/payload.ts'
import { runCase } from '../../src/cli/demo/run-case.ts'
import { families } from '../../src/index.ts'
import { commandLine, Running } from './support.ts'

const { compiled, path } = commandLine()

test('the demo has a row for each scheme, and all that should work does', async () => {
  const result = await new Running(process.execPath, [compiled('demo.js')]).end().done
  const text = result.stdout.toString()
  const cases = await demoCases()
  for (const scheme of families().flatMap(({ schemes }) => schemes.map((each) => each.scheme))) {
    const row = cases.find((each) => each.scheme === scheme)
    expect(row, scheme).toBeDefined()
    const verdict = row !== undefined && 'address' in row ? 'ok: ' : 'not here \\[\\d\\]'
    expect(text).toMatch(new RegExp(`^${scheme} .*${verdict}`, 'm'))
  }
  expect(text).not.toContain('FAILED')
  expect(result.code).toBe(0)
}, 60_000)

async function caseOf(scheme: string): Promise<Case> {
  const found = (await demoCases()).find((row): row is Case => 'address' in row && row.scheme === scheme)
  if (found === undefined) throw new Error(`${scheme} works everywhere`)
  return found
}

/** The source of a far side, as a file. */
async function peer(source: string): Promise<string> {
  const file = `${path()}.mjs`
  await writeFile(file, source)
  return file
}

test('a far side that stands still now and then, as on a busy machine, loses no messages', async () => {
  const script = await peer(`
    import ${JSON.stringify(compiled('demo-peer.js'))}
    const flag = new Int32Array(new SharedArrayBuffer(4))
    const standStill = () => {
      Atomics.wait(flag, 0, 0, 700)
      setTimeout(standStill, 40).unref()
    }
    setTimeout(standStill, 40).unref()`)
  const outcome = await runCase(await caseOf('udp'), readPayload(4_000_000), { script })
  if (!outcome.ok) throw outcome.error
  expect(outcome.measured.verdict).toMatch(/^SHA-256 equal/)
})

describe('a far side that misbehaves fails its row, and hangs nothing', () => {
  const payload = readPayload(100_000)

  // Where the row is to run out of time, its time is short; elsewhere long enough for a busy machine.
  test.each<[what: string, source: string, message: RegExp, limit?: number]>([
    ['ends at once', 'console.error("no mood today"); process.exit(7)', /exit code 7.*no mood today/],
    ['says an error', 'process.on("message", () => process.send({ error: "EPERM not you" }))', /EPERM not you/],
    ['never answers', 'setInterval(() => {}, 1000)', /not finished after 1 s|SIGKILL/, 1000],
    [
      'ends in the middle',
      `import net from 'node:net'
       process.on('message', () => {
         const server = net.createServer((s) => s.once('data', () => process.exit(3)))
         server.listen(0, '127.0.0.1', () => process.send({ address: 'tcp://127.0.0.1:' + server.address().port }))
       })`,
      /exit code 3|ECONNRESET|EPIPE|the peer/,
    ],
    [
      'answers nothing',
      `import net from 'node:net'
       process.on('message', () => {
         const server = net.createServer((s) => s.resume().on('error', () => {}))
         server.listen(0, '127.0.0.1', () => process.send({ address: 'tcp://127.0.0.1:' + server.address().port }))
       })`,
      /not finished after 1 s/,
      1000,
    ],
  ])('%s', async (_, source, message, limit = 20_000) => {
    const outcome = await runCase(await caseOf('tcp'), payload, { limit, script: await peer(source) })
    expect(outcome.ok).toBe(false)
    if (!outcome.ok) expect(String(outcome.error)).toMatch(message)
  })

  test('that lies about the SHA-256', async () => {
    const script = await peer(`
      import net from 'node:net'
      process.on('message', () => {
        const server = net.createServer((s) => {
          s.on('error', () => {})
          s.once('data', (first) => {
            if (first[0] === 0x45) { s.write(first.subarray(1)); s.on('data', (c) => s.write(c)) }
            else { let n = first.length; s.on('data', (c) => { n += c.length; if (n === 100005) s.end('.' + '0'.repeat(64)) }) }
          })
        })
        server.listen(0, '127.0.0.1', () => process.send({ address: 'tcp://127.0.0.1:' + server.address().port }))
      })
      process.on('disconnect', () => process.exit())`)
    const outcome = await runCase(await caseOf('tcp'), payload, { script })
    expect(outcome.ok).toBe(false)
    if (!outcome.ok) expect(String(outcome.error)).toMatch(/SHA-256 differs/)
  })
})
