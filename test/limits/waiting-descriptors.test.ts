import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect } from 'vitest'
import { connect } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { Child, startNode } from '../support/child.ts'
import { given, python, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

const script = new URL('scripts/waiting-descriptors.mjs', import.meta.url)
/** What Node itself has open, one message's 253, and 64. */
const limit = 400

/** Sends so many messages of one byte, each with so many descriptors, and waits wherever the receiver is full. */
const sender = `
import array, os, socket, sys, time
kind = {'unix': socket.SOCK_STREAM, 'unixpacket': socket.SOCK_SEQPACKET, 'unixgram': socket.SOCK_DGRAM}[sys.argv[1]]
out = socket.socket(socket.AF_UNIX, kind)
out.connect(sys.argv[2])
rights = array.array('i', [os.open('/dev/null', os.O_RDONLY)] * int(sys.argv[4]))
sent = 0
while sent < int(sys.argv[3]):
    try:
        out.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        sent += 1
    except OSError as error:
        if error.errno != 109: raise # ETOOMANYREFS: too many are on their way.
        time.sleep(0.01)
print('sent', flush=True)
sys.stdin.read()
`

interface Status {
  readonly messages: number
  readonly descriptors: number
  readonly open: number
  readonly accepted: number
  readonly errors: readonly string[]
}

const cases = (['unixgram', 'unixpacket', 'unix'] as const).flatMap((name) => [
  { name, count: 1000, each: 1 },
  { name, count: 20, each: 253 },
])

describe.each(cases)('$name: $count messages with $each descriptors each, which wait to be taken', (each) => {
  const { name, count } = each
  given(scheme(name), python)(
    'leave room for others, and all of them arrive in the end',
    async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using child = startNode(script, [name, path], { descriptors: limit })
      const ask = (line: string): Promise<Status> => {
        child.tell(line)
        return child.report<Status>()
      }
      await child.line()
      await using peer = new Child('python3', ['-c', sender, name, path, String(count), String(each.each)])
      // Python may take a while to begin.
      const end = Date.now() + 15_000
      while ((await ask('status')).open <= 64 && Date.now() < end) await sleep(50)
      // More than may wait would come within this.
      await sleep(1000)

      const before = await ask('status')
      expect(before.errors).toEqual([])
      expect(before.open).toBeGreaterThan(64)
      expect(before.open).toBeLessThan(limit - 10)
      const client = await connect(`unix:${path}-other`)
      let answer = ''
      for await (const bytes of client) answer += bytes
      expect(answer).toBe('served')

      const after = await ask('take')
      expect(await peer.line()).toBe('sent')
      expect(after).toMatchObject({ messages: count, descriptors: count * each.each, accepted: 1, errors: [] })
      expect(after.open).toBeLessThan(64)
    },
    60_000,
  )
})
