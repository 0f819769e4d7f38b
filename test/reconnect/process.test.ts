import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { buildOnce, root } from '../support/build.ts'

const run = promisify(execFile)

/** Runs a program of its own; a process that does not end by itself is killed, and fails the test. */
async function outcome(program: string): Promise<{ code: number; out: string; err: string }> {
  const text = `import { listen, persistent } from 'polysocket'\n${program}`
  const args = ['--input-type=module', '-e', text]
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd: root, timeout: 20_000 })
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr, killed } = error as { code: number; stdout: string; stderr: string; killed: boolean }
    if (killed) throw new Error('the process did not end')
    return { code, out: stdout, err: stderr }
  }
}

beforeAll(buildOnce, 120_000)

test('giving up without anybody who listens ends the process with the error', async () => {
  const { code, err } = await outcome(`persistent('memory:nobody', { retry: { attempts: 2, maxDelay: 5 } })`)
  expect(code).toBe(1)
  expect(err).toContain('ECONNREFUSED')
})

test('it keeps the process alive while it pauses', async () => {
  const { out } = await outcome(`
    const connection = persistent('memory:nobody', { retry: { minDelay: 50, jitter: 0 } })
    connection.once('retry', () => connection.once('retry', () => { console.log('again'); connection.close() }))
  `)
  expect(out).toBe('again\n')
})

test('unref lets the process end during a pause', async () => {
  const started = performance.now()
  const { code } = await outcome(`
    const connection = persistent('memory:nobody', { retry: { minDelay: 60_000, jitter: 0 } }).unref()
    connection.on('retry', () => console.log('retry'))
  `)
  expect(code).toBe(0)
  expect(performance.now() - started).toBeLessThan(19_000)
})

test('unref after the pause has begun, and of an open connection', async () => {
  const { out } = await outcome(`
    const pausing = persistent('memory:nobody', { retry: { minDelay: 60_000, jitter: 0 } })
    pausing.on('retry', () => pausing.unref())
    const server = await listen('tcp://127.0.0.1:0')
    server.on('connection', (peer) => peer.unref()).unref()
    const open = persistent(server.address)
    open.on('connect', () => { open.unref(); console.log('open') })
  `)
  expect(out).toBe('open\n')
})

test('ref after unref keeps it', async () => {
  const { out } = await outcome(`
    const connection = persistent('memory:nobody', { retry: { minDelay: 50, jitter: 0 } }).unref()
    connection.once('retry', () => {
      connection.ref()
      connection.once('retry', () => { console.log('again'); connection.close() })
    })
  `)
  expect(out).toBe('again\n')
})

test('closed, aborted or given up during a long pause, nothing keeps the process', async () => {
  const { code, out } = await outcome(`
    import { connect, createConnection } from 'polysocket'
    const retry = { minDelay: 60_000, maxDelay: 60_000, jitter: 0 }
    const closed = persistent('memory:nobody', { retry })
    closed.on('retry', () => setImmediate(() => closed.close().then(() => console.log('closed'))))
    const controller = new AbortController()
    const onRetry = () => setImmediate(() => controller.abort())
    const { signal } = controller
    await connect('memory:nobody', { signal, retry: { ...retry, onRetry } }).catch(({ name }) => console.log(name))
    await connect('memory:nobody', { timeout: 20, retry }).catch(({ code }) => console.log(code))
    const endpoint = createConnection('memory:nobody', { retry: { ...retry, onRetry: () => endpoint.destroy() } })
  `)
  expect(code).toBe(0)
  expect(out.trim().split('\n').sort()).toEqual(['AbortError', 'ETIMEDOUT', 'closed'])
})
