import { expect, test } from 'vitest'
import { runtimeWithoutLibuv } from '../../src/engine/runtime.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { given, program } from '../support/need.ts'

const script = `
import { families, connect, listen } from 'polysocket'
const found = families().flatMap(({ schemes }) => schemes).filter(({ scheme }) => ['tcp', 'unixgram'].includes(scheme))
const availability = found.map(({ availability }) => availability)
const listener = await listen('tcp://127.0.0.1:0')
listener.on('connection', (socket) => socket.end('hello'))
const client = await connect(listener.address)
let text = ''
client.on('data', (chunk) => (text += chunk))
await new Promise((resolve) => client.on('end', resolve))
console.log(JSON.stringify({ availability, text }))
process.exit()`

const runtimes = [
  { name: 'Bun', command: 'bun', args: ['-e', script], remedy: 'npm install --global bun' },
  { name: 'Deno', command: 'deno', args: ['eval', script], remedy: 'npm install --global deno' },
]

test('Bun and Deno are told by process.versions, and Node is neither', () => {
  expect(runtimeWithoutLibuv({ node: '24.0.0', bun: '1.4.5' })).toBe('Bun')
  expect(runtimeWithoutLibuv({ node: '24.0.0', deno: '2.9.6' })).toBe('Deno')
  expect(runtimeWithoutLibuv(process.versions)).toBeUndefined()
})

for (const { name, command, args, remedy } of runtimes) {
  given(program(command, ['--version'], remedy))(
    `under ${name} tcp goes over the node engine, and what needs the kernel engine says why it is not there`,
    async () => {
      await buildOnce()
      await using child = new Child(command, args)
      const { code, stdout, stderr } = await child.exited
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toEqual({
        availability: [
          { available: true, engine: 'node' },
          {
            available: false,
            reason: `the kernel engine needs libuv's uv_poll, which ${name} lacks`,
            remedy: 'run it with Node.js, or use tcp, udp, unix or memory here',
          },
        ],
        text: 'hello',
      })
    },
    120_000,
  )
}
