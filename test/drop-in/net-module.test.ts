import { execFileSync } from 'node:child_process'
import nodeNet from 'node:net'
import { inherits } from 'node:util'
import { expect, test } from 'vitest'
import net, * as module from '../../src/net.ts'
import { buildOnce, root } from '../support/build.ts'

test('has every name that node:net has, and each but the sockets is the same', () => {
  const ours = net as unknown as Record<string, unknown>
  const theirs = nodeNet as unknown as Record<string, unknown>
  const own = ['Server', 'Socket', 'Stream', 'connect', 'createConnection', 'createServer']
  expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort())
  for (const name of Object.keys(theirs)) {
    if (own.includes(name)) expect(ours[name], name).not.toBe(theirs[name])
    else expect(ours[name], name).toBe(theirs[name])
  }
  expect(Object.keys(module)).toEqual(
    expect.arrayContaining(Object.keys(theirs).filter((name) => !name.startsWith('_'))),
  )
})

test('the classes can be called, extended, and have one constructor', () => {
  expect(net.Socket()).toBeInstanceOf(net.Socket)
  expect(net.Server()).toBeInstanceOf(net.Server)
  expect(net.Stream).toBe(net.Socket)
  class Mine extends net.Socket {
    readonly isMine = true
  }
  const mine = new Mine({ allowHalfOpen: true })
  expect(mine).toBeInstanceOf(net.Socket)
  expect(mine.isMine && mine.allowHalfOpen).toBe(true)
  expect(new net.Socket().constructor).toBe(net.Socket)
  expect(net.createServer().constructor).toBe(net.Server)
  function Old(): void {}
  inherits(Old, net.Server)
  expect(Old.prototype).toBeInstanceOf(net.Server)
})

test('require gives an object whose members can be replaced, import the same ones', async () => {
  await buildOnce()
  const script = `
    const net = require('polysocket/net')
    import('polysocket/net').then((imported) => {
      console.log(imported.default === net, imported.Socket === net.Socket, imported.connect === net.connect)
      net.connect = 'mine'
      console.log(require('polysocket/net').connect)
    })`
  const told = execFileSync(process.execPath, ['--no-warnings', '-e', script], { cwd: root, encoding: 'utf8' })
  expect(told).toBe('true true true\nmine\n')
})

test("a BoundSocket of Node's is refused, and keeps its descriptor", ({ skip }) => {
  const { BoundSocket } = nodeNet as unknown as {
    BoundSocket?: new (options: object) => { fd?: number; close(): void }
  }
  if (BoundSocket === undefined) return skip('this Node has no net.BoundSocket: run on Node 24.22 or later')
  const bound = new BoundSocket({ port: 0, host: '127.0.0.1' })
  const uses: ((options: never) => unknown)[] = [
    (options) => net.createServer().listen(options),
    (options) => net.createServer().listen({ handle: options }),
    (handle) => new net.Socket({ handle } as object),
    (handle) => net.connect({ port: 1, handle } as { port: number }),
  ]
  for (const use of uses) {
    expect(() => use(bound as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining('net.BoundSocket') }),
    )
  }
  bound.close()
})
