import { describe, expect, test } from 'vitest'
import { scheme as carries, given, python as pythonThere, socat } from '../support/need.ts'
import { commandLine, kernel, noise, python, Running, sha256 } from './support.ts'

const { cli, compiled, path } = commandLine()

/** Prints the length and the SHA-256 of each message, and answers each with the same; ends after `count`. */
const PYTHON_RECEIVER = `
import socket, sys, hashlib
kind, where, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if kind == 'udp':
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.0.0.1', 0))
    print('ready', s.getsockname()[1])
else:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(where)
    print('ready', where)
for _ in range(count):
    b, peer = s.recvfrom(65536)
    text = '%d %s' % (len(b), hashlib.sha256(b).hexdigest())
    print(text)
    if peer: s.sendto(text.encode(), peer)
`

describe.each(['udp', 'unixgram'])('cat over %s', (scheme) => {
  const carried = carries(scheme)
  const own = (): string => (scheme === 'udp' ? 'udp://127.0.0.1:0' : `unixgram:${path()}`)
  const to = (where: string): string => (scheme === 'udp' ? `udp://127.0.0.1:${where}` : `unixgram:${where}`)

  given(carried, pythonThere)(`--lines: a line is a message, an answer is a line`, async () => {
    const receiver = python(PYTHON_RECEIVER, scheme, path(), '3')
    const [, where] = await receiver.says(/ready (\S+)/, 'stdout')
    // Three answers, however long they take: on a busy machine longer than it waits by itself.
    const waiting = ['--count', '3', '--idle', '20000']
    const result = await cli('cat', '--lines', ...waiting, to(where as string)).end('first\n\nthe third one').done
    const expected = ['first', '', 'the third one']
      .map((line) => `${line.length} ${sha256(Buffer.from(line))}\n`)
      .join('')
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout.toString()).toBe(expected)
    expect((await receiver.done).stdout.toString()).toBe(`ready ${where}\n${expected}`)
  })

  given(carried, pythonThere)(`--size cuts what is read into messages`, async () => {
    const bytes = noise(2500)
    const receiver = python(PYTHON_RECEIVER, scheme, path(), '3')
    const [, where] = await receiver.says(/ready (\S+)/, 'stdout')
    await cli('cat', '--size', '1000', to(where as string)).end(bytes).done
    const expected = [bytes.subarray(0, 1000), bytes.subarray(1000, 2000), bytes.subarray(2000)]
    expect((await receiver.done).stdout.toString()).toBe(
      `ready ${where}\n${expected.map((part) => `${part.length} ${sha256(part)}\n`).join('')}`,
    )
  })

  given(carried, socat)(`--bind receives from socat, and answers who wrote last`, async () => {
    const bound = cli('cat', '--bind', own(), '--count', '2')
    bound.child.stdin.write('an answer')
    const address = await bound.address()
    const mine = path()
    const target = scheme === 'udp' ? `UDP:${address.slice(6)}` : `UNIX-SENDTO:${address.slice(9)},bind=${mine}`
    const socat = new Running('socat', ['-t', '5', '-', target])
    socat.child.stdin.write('hello ')
    await socat.says(/an answer/, 'stdout')
    socat.end('again')
    const result = await bound.done
    expect(result.stdout.toString()).toBe('hello again')
    expect(result.code).toBe(0)
    await socat.kill()
  })

  given(carried)(`--bind with a peer sends to it`, async () => {
    const left = cli('cat', '--bind', own(), '--lines', '--count', '1').end()
    const leftAddress = await left.address()
    const right = cli('cat', '--bind', own(), '--lines', '--idle', '5000', leftAddress).end('over here\n')
    expect((await left.done).stdout.toString()).toBe('over here\n')
    const rightAddress = await right.address()
    expect(rightAddress).not.toBe(leftAddress)
    expect(await right.kill('SIGINT')).toMatchObject({ code: 130 })
  })

  given(carried)(`a line that is too long is EMSGSIZE, and is not cut`, async () => {
    const receiver = cli('cat', '--bind', own())
    const result = await cli('cat', '--lines', '--size', '10', await receiver.address()).end('short\nnot so short\n')
      .done
    expect(result.stderr).toMatch(/^polysocket: EMSGSIZE [^\n]*\n$/)
    expect(result.code).toBe(1)
    await receiver.says(/short/, 'stdout')
    expect((await receiver.kill()).stdout.toString()).toBe('short')
  })
})

test('nobody at the udp port: ECONNREFUSED', async () => {
  const gone = cli('cat', '--bind', 'udp://127.0.0.1:0')
  const address = await gone.address()
  await gone.kill()
  const result = await cli('cat', '--lines', '--idle', '3000', address).end('one\ntwo\n').done
  expect(result.stderr).toMatch(/^polysocket: ECONNREFUSED [^\n]*\n$/)
  expect(result.code).toBe(1)
})

test('nobody reads stdout any more: 141, and not a word but the address', async () => {
  const script = `set -o pipefail; "$0" "$1" cat --bind udp://127.0.0.1:0 < /dev/null | head -c 3; exit \${PIPESTATUS[0]}`
  const bound = new Running('bash', ['-c', script, process.execPath, compiled('main.js')])
  const address = await bound.address()
  const sender = cli('cat', '--lines', '--idle', '20000', address)
  sender.child.stdin.write('one\n')
  await bound.says(/one/, 'stdout')
  const again = setInterval(() => sender.child.stdin.write('two\n'), 100)
  const result = await bound.done
  clearInterval(again)
  expect(result).toMatchObject({ code: 141, stderr: `polysocket: bound to ${address}\n` })
  await sender.kill()
})

/** A SOCK_SEQPACKET server: says what came until the end, then answers in two messages, one of them empty. */
const PYTHON_PACKETS = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1]); s.listen()
print('ready')
c, _ = s.accept()
while True:
    b, _, flags, _ = c.recvmsg(65536)
    if not b and not flags & socket.MSG_EOR: break
    print(len(b))
c.send(b'thank you'); c.send(b'bye')
`

given(kernel, pythonThere)(`unixpacket: the end of stdin is an end, and answers come after it`, async () => {
  const where = path()
  const server = python(PYTHON_PACKETS, where)
  await server.says(/ready/, 'stdout')
  const result = await cli('cat', '--lines', `unixpacket:${where}`).end('one\nthree\n').done
  expect(result).toMatchObject({ code: 0, stderr: '' })
  expect(result.stdout.toString()).toBe('thank you\nbye\n')
  expect((await server.done).stdout.toString()).toBe('ready\n3\n5\n')
})

given(kernel)(`unixpacket: a large file from cat to cat`, async () => {
  const bytes = noise(5_000_000)
  const listener = cli('cat', '--listen', `unixpacket:${path()}`).end()
  expect(await cli('cat', await listener.address()).end(bytes).done).toMatchObject({ code: 0, stderr: '' })
  const result = await listener.done
  expect(sha256(result.stdout)).toBe(sha256(bytes))
  expect(result.code).toBe(0)
})
