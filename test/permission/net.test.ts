import { execFileSync } from 'node:child_process'
import { expect } from 'vitest'
import { buildOnce, root } from '../support/build.ts'
import { given, need, nothing, scheme } from '../support/need.ts'

/** Whether this Node's permission model knows the network. */
const known = process.allowedNodeEnvironmentFlags.has('--allow-net')
  ? nothing
  : need(
      false,
      `the permission model of Node ${process.versions.node} does not know the network`,
      'use Node 25 or later',
    )
const unknown = need(known.note !== '', `Node ${process.versions.node} knows the network`, 'use Node 20, 22 or 24')
const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'
const hasAddonFlag = process.allowedNodeEnvironmentFlags.has('--allow-addons')
const allowsAddons = need(hasAddonFlag, `Node ${process.versions.node} has no --allow-addons`, 'use Node 22 or later')

/** What became of each, in a process of its own: the engine that opened it, or the error. */
function tried(...flags: string[]): Record<string, unknown> {
  const program = `
    import { bind, connect, listen, socketpair } from 'polysocket'
    import net from 'polysocket/net'
    const tries = {
      connect: () => connect('tcp://127.0.0.1:9'),
      name: () => connect('tcp://localhost:9'),
      listen: () => listen('tcp://127.0.0.1:0'),
      bind: () => bind('udp://127.0.0.1:0'),
      unix: () => listen('unix:/tmp/polysocket-permission-' + process.pid),
      abstract: () => connect('unixgram:@nobody'),
      node: () => listen('tcp://127.0.0.1:0', { engine: 'node' }),
      memory: () => listen('memory:x'),
      pair: async () => (await socketpair('unixgram'))[0],
      dropIn: () => new Promise((resolve, reject) => net.connect(9, '127.0.0.1').on('error', reject)),
    }
    const results = {}
    for (const [name, open] of Object.entries(tries)) {
      try {
        const opened = await open()
        results[name] = opened.engine ?? 'open'
        await opened.close()
      } catch ({ code, permission, resource }) {
        results[name] = { code, permission, resource }
      }
    }
    console.log(JSON.stringify(results))
    process.exit()
  `
  const args = ['--no-warnings', flag, '--allow-fs-read=*', '--allow-fs-write=*', ...flags]
  const output = execFileSync(process.execPath, [...args, '--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  })
  return JSON.parse(output)
}

const denied = (resource: unknown) => ({ code: 'ERR_ACCESS_DENIED', permission: 'Net', resource })

given(known, scheme('unixgram'))(
  'without --allow-net nothing that opens a socket does, on either engine; what stays in the process does',
  async () => {
    await buildOnce()
    expect(tried('--allow-addons')).toEqual({
      connect: denied('tcp://127.0.0.1:9'),
      name: denied('tcp://localhost:9'),
      listen: denied('tcp://127.0.0.1:0'),
      bind: denied('udp://127.0.0.1:0'),
      unix: denied(expect.stringContaining('polysocket-permission')),
      abstract: denied('unixgram:@nobody'),
      node: denied('tcp://127.0.0.1:0'),
      memory: 'memory',
      pair: 'kernel',
      dropIn: { code: 'ERR_ACCESS_DENIED' },
    })
    // The addon is not let in: then it is the node engine.
    expect(tried()).toMatchObject({ connect: denied('tcp://127.0.0.1:9'), listen: denied('tcp://127.0.0.1:0') })
  },
  120_000,
)

given(known, scheme('unixgram'))(
  'with --allow-net all is as ever',
  async () => {
    await buildOnce()
    expect(tried('--allow-addons', '--allow-net')).toMatchObject({
      connect: { code: 'ECONNREFUSED' },
      listen: 'kernel',
      bind: 'kernel',
      node: 'node',
    })
  },
  120_000,
)

given(unknown, allowsAddons, scheme('unixgram'))(
  'a Node whose permission model does not know the network refuses none of it',
  async () => {
    await buildOnce()
    expect(tried('--allow-addons')).toMatchObject({
      connect: { code: 'ECONNREFUSED' },
      listen: 'kernel',
      bind: 'kernel',
    })
  },
  120_000,
)
