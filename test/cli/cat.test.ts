import { createReadStream, existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { scheme as carries, given, python as pythonThere, socat } from '../support/need.ts'
import { commandLine, noise, python, Running, sha256 } from './support.ts'

const { cli, compiled, path } = commandLine()

/** Takes one connection, reads it to its end, says the SHA-256, and only then answers. */
const PYTHON_SERVER = `
import socket, sys, hashlib
kind, where = sys.argv[1:3]
s = socket.socket(socket.AF_UNIX if kind == 'unix' else socket.AF_INET)
s.bind(where if kind == 'unix' else ('127.0.0.1', 0))
s.listen()
print('ready', s.getsockname()[1] if kind == 'tcp' else where)
c, _ = s.accept()
h = hashlib.sha256(); n = 0
while True:
    b = c.recv(65536)
    if not b: break
    h.update(b); n += len(b)
c.sendall(b'%d %s' % (n, h.hexdigest().encode()))
c.close()
`

describe.each(['tcp', 'unix'])('cat over %s', (scheme) => {
  given(pythonThere)(`sends a file, ends its side, and prints the answer that comes then`, async () => {
    const bytes = noise(20 * 1024 * 1024)
    const server = python(PYTHON_SERVER, scheme, path())
    const [, where] = await server.says(/ready (\S+)/, 'stdout')
    const result = await cli('cat', scheme === 'tcp' ? `tcp://127.0.0.1:${where}` : `unix:${where}`).end(bytes).done
    expect(result.stderr).toBe('')
    expect(result.stdout.toString()).toBe(`${bytes.length} ${sha256(bytes)}`)
    expect(result.code).toBe(0)
  })

  given(socat)(`--listen takes a file from socat and sends one back at the same time`, async () => {
    const there = noise(8 * 1024 * 1024)
    const back = noise(8 * 1024 * 1024)
    const listener = cli('cat', '--listen', scheme === 'tcp' ? 'tcp://127.0.0.1:0' : `unix:${path()}`)
    const address = await listener.address()
    const target = scheme === 'tcp' ? `TCP:${address.slice(6)}` : `UNIX-CONNECT:${address.slice(5)}`
    const socat = new Running('socat', ['-t', '30', '-', target])
    socat.end(there)
    listener.end(back)
    const [ours, theirs] = await Promise.all([listener.done, socat.done])
    expect(sha256(ours.stdout)).toBe(sha256(there))
    expect(sha256(theirs.stdout)).toBe(sha256(back))
    expect(ours.code).toBe(0)
    expect(ours.stderr).toBe(`polysocket: listening on ${address}\n`)
  })

  for (const engine of ['kernel', 'node'] as const) {
    given(carries(scheme, engine))(`cat to cat, with empty stdin on one side, on the ${engine} engine`, async () => {
      const bytes = noise(3 * 1024 * 1024)
      const where = scheme === 'tcp' ? 'tcp://127.0.0.1:0' : `unix:${path()}`
      const listener = cli('cat', '--listen', '--engine', engine, where).end()
      const address = await listener.address()
      const client = await cli('cat', '--engine', engine, address).end(bytes).done
      expect(client).toMatchObject({ code: 0, stderr: '' })
      const result = await listener.done
      expect(sha256(result.stdout)).toBe(sha256(bytes))
      expect(result.code).toBe(0)
    })
  }
})

describe('cat and its surroundings', () => {
  test('a file that is larger than every buffer goes from cat to cat by redirection', async () => {
    const file = path()
    const bytes = noise(48 * 1024 * 1024)
    await writeFile(file, bytes)
    const listener = cli('cat', '--listen', 'tcp://127.0.0.1:0').end()
    const client = cli('cat', await listener.address())
    createReadStream(file).pipe(client.child.stdin)
    expect((await client.done).code).toBe(0)
    expect(sha256((await listener.done).stdout)).toBe(sha256(bytes))
  })

  test('a reader that does not read holds up the sender, in memory of bounded size', async () => {
    const sender = cli('cat', '--listen', 'tcp://127.0.0.1:0')
    const address = await sender.address()
    const script = `exec "$0" "$1" cat ${address} | (sleep 2; wc -c)`
    const reader = new Running('bash', ['-c', script, process.execPath, compiled('main.js')]).end()
    const block = noise(1024 * 1024)
    const total = 200
    let accepted = 0
    for (let i = 0; i < total; i++) {
      if (!sender.child.stdin.write(block)) await new Promise((resolve) => sender.child.stdin.once('drain', resolve))
      accepted++
    }
    sender.end()
    expect(accepted).toBe(total)
    expect((await reader.done).stdout.toString().trim()).toBe(String(total * block.length))
  })

  test('SIGINT ends it with 130, SIGTERM with 143, and the socket file is gone', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const where = path()
      const listener = cli('cat', '--listen', `unix:${where}`)
      await listener.address()
      expect(existsSync(where)).toBe(true)
      const result = await listener.kill(signal)
      expect(result).toMatchObject({ code, signal: null })
      expect(result.stderr).toBe(`polysocket: listening on unix:${where}\n`)
      expect(existsSync(where)).toBe(false)
    }
  })

  test('SIGINT in the middle of a conversation', async () => {
    const listener = cli('cat', '--listen', 'tcp://127.0.0.1:0')
    const client = cli('cat', await listener.address())
    client.child.stdin.write('hello')
    await listener.says(/hello/, 'stdout')
    expect(await client.kill('SIGINT')).toMatchObject({ code: 130, stderr: '' })
    // The listener's own stdin is open still: for it the conversation has only half ended.
    expect(await listener.end().done).toMatchObject({ code: 0 })
  })

  test('nobody reads stdout any more: 141, and not a word', async () => {
    const listener = cli('cat', '--listen', 'tcp://127.0.0.1:0').end(noise(4 * 1024 * 1024))
    const address = await listener.address()
    const script = `set -o pipefail; "$0" "$1" cat ${address} < /dev/null | head -c 10 | wc -c; exit \${PIPESTATUS[0]}`
    const result = await new Running('bash', ['-c', script, process.execPath, compiled('main.js')]).done
    expect(result).toMatchObject({ code: 141, stderr: '' })
    expect(result.stdout.toString().trim()).toBe('10')
  })

  test('--keep takes one connection after another', async () => {
    const listener = cli('cat', '--listen', '--keep', 'tcp://127.0.0.1:0')
    const address = await listener.address()
    for (const word of ['one', 'two', 'three']) {
      expect(await cli('cat', address).end(`${word} `).done).toMatchObject({ code: 0, stderr: '' })
    }
    await listener.says(/three/, 'stdout')
    const result = await listener.kill('SIGINT')
    expect(result.stdout.toString()).toBe('one two three ')
    expect(result.code).toBe(130)
  })

  test('without --keep a second client is refused', async () => {
    const listener = cli('cat', '--listen', 'tcp://127.0.0.1:0')
    const address = await listener.address()
    const first = cli('cat', address)
    first.child.stdin.write('hello')
    await listener.says(/hello/, 'stdout')
    const second = await cli('cat', address).end().done
    expect(second).toMatchObject({ code: 1 })
    expect(second.stderr).toMatch(/^polysocket: ECONNREFUSED /)
    first.end()
    listener.end()
    expect(await first.done).toMatchObject({ code: 0 })
    expect(await listener.done).toMatchObject({ code: 0 })
  })

  test('--idle ends a conversation in which nothing is said', async () => {
    const listener = cli('cat', '--listen', '--idle', '300', 'tcp://127.0.0.1:0')
    const client = cli('cat', await listener.address())
    expect(await listener.done).toMatchObject({ code: 0 })
    client.end()
    await client.done
  })

  test('-o hands options to the library, and the value keeps its type', async () => {
    const where = path()
    const listener = cli('cat', '--listen', '-o', 'mode=0o600', '-o', 'unlinkStale=true', `unix:${where}`)
    await listener.address()
    const { stat } = await import('node:fs/promises')
    expect((await stat(where)).mode & 0o777).toBe(0o600)
    await listener.kill()
  })
})
