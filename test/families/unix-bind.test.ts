import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect } from 'vitest'
import { loadAddon } from '../../src/engine/addon.ts'
import { type UnixAddress, unixDefinition } from '../../src/families/unix.ts'
import { bind, connect, type EngineName, listen, type OpenOptions } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { wrongNumber } from '../support/errors.ts'
import { given, type Need, python, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../support/temporary.ts'

const { addon } = loadAddon()

interface Opened extends AsyncDisposable {
  close(): Promise<void>
}

/** What takes a path: each scheme on each engine that carries it. */
const ways: {
  name: string
  needed: Need
  open: (path: string | Uint8Array, options?: OpenOptions) => Promise<Opened>
}[] = [
  {
    name: 'unix',
    needed: scheme('unix'),
    open: (path, options) => listen({ family: 'unix', scheme: 'unix', path }, options),
  },
  {
    name: 'unixpacket',
    needed: scheme('unixpacket'),
    open: (path, options) => listen({ family: 'unix', scheme: 'unixpacket', path }, options),
  },
  {
    name: 'unixgram',
    needed: scheme('unixgram'),
    open: (path, options) => bind({ family: 'unix', scheme: 'unixgram', path }, options),
  },
  {
    name: 'unix on the node engine',
    needed: scheme('unix', 'node'),
    open: (path, options) =>
      listen({ family: 'unix', scheme: 'unix', path }, { ...options, engine: 'node' as EngineName }),
  },
]

/** Leaves the socket files of closed sockets behind, as a server does that was killed. */
function leaveBehind(directory: TemporaryDirectory): string[] {
  const script = `
import socket, sys
for kind in ('STREAM', 'DGRAM', 'SEQPACKET'):
    socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + kind)).bind(sys.argv[1] + '/' + kind)`
  execFileSync('python3', ['-c', script, directory.path])
  return ['STREAM', 'DGRAM', 'SEQPACKET'].map((name) => directory.file(name))
}

const inUse = expect.objectContaining({ name: 'SocketError', code: 'EADDRINUSE' })

/** Runs with another umask, which is the whole process's. */
async function withUmask<T>(umask: number, work: () => Promise<T>): Promise<T> {
  const before = process.umask(umask)
  try {
    return await work()
  } finally {
    process.umask(before)
  }
}

for (const { name, needed, open } of ways) {
  describe(`the socket file of ${name}`, () => {
    const check = given(needed)

    check('is removed on close', async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('s')
      const opened = await open(path)
      expect(lstatSync(path).isSocket()).toBe(true)
      await opened.close()
      expect(existsSync(path)).toBe(false)
    })

    check("is in use while it is there, and stays its owner's", async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('s')
      await using first = await open(path)
      await expect(open(path)).rejects.toEqual(inUse)
      await expect(open(path, { unlinkStale: true })).rejects.toEqual(inUse)
      expect(lstatSync(path).isSocket()).toBe(true)
      await first.close()
      expect(existsSync(path)).toBe(false)
    })

    check('that is gone already is not missed', async () => {
      await using directory = await temporaryDirectory()
      const opened = await open(directory.file('s'))
      unlinkSync(directory.file('s'))
      await opened.close()
    })

    check('has the mode that was asked for, whatever the umask', async () => {
      await using directory = await temporaryDirectory()
      for (const umask of [0o000, 0o022, 0o777]) {
        for (const mode of [0o600, 0o660, 0o666, 0o777, 0]) {
          const path = directory.file(`${umask}-${mode}`)
          await using opened = await withUmask(umask, () => open(path, { mode }))
          expect((statSync(path).mode & 0o777).toString(8)).toBe(mode.toString(8))
          await opened.close()
        }
      }
    })

    given(needed, python)('takes over what a dead server left, if asked to', async () => {
      await using directory = await temporaryDirectory()
      for (const path of leaveBehind(directory)) {
        await expect(open(path)).rejects.toEqual(inUse)
        await using opened = await open(path, { unlinkStale: true, mode: 0o640 })
        expect(lstatSync(path).isSocket()).toBe(true)
        expect(lstatSync(path).mode & 0o777).toBe(0o640)
        await opened.close()
        expect(existsSync(path)).toBe(false)
      }
    })

    given(needed, python)('is not made from anything but a socket', async () => {
      await using directory = await temporaryDirectory()
      const [file, link, folder] = [directory.file('file'), directory.file('link'), directory.file('folder')]
      writeFileSync(file, 'precious')
      symlinkSync(leaveBehind(directory)[0] ?? '', link)
      mkdirSync(folder)
      for (const path of [file, link, folder]) {
        await expect(open(path, { unlinkStale: true })).rejects.toEqual(inUse)
      }
      expect(readFileSync(file, 'utf8')).toBe('precious')
      expect(lstatSync(link).isSymbolicLink()).toBe(true)
      expect(lstatSync(folder).isDirectory()).toBe(true)
    })

    check('of a successor is left alone', async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('s')
      const first = await open(path)
      unlinkSync(path)
      await using second = await open(path)
      const theirs = lstatSync(path).ino
      await first.close()
      expect(lstatSync(path).ino).toBe(theirs)
      await second.close()
      expect(existsSync(path)).toBe(false)
    })

    check('that was moved away is left alone, and so is what came in its place', async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('s')
      const opened = await open(path)
      renameSync(path, directory.file('moved'))
      writeFileSync(path, 'precious')
      await opened.close()
      expect(readFileSync(path, 'utf8')).toBe('precious')
      expect(lstatSync(directory.file('moved')).isSocket()).toBe(true)
    })

    check('options that cannot be are refused, and nothing is made', async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('s')
      for (const options of [
        { mode: '660' },
        { mode: -1 },
        { mode: 0o1000 },
        { mode: 1.5 },
        { mode: Number.NaN },
        { unlinkStale: 'yes' },
      ]) {
        await expect(open(path, options as OpenOptions)).rejects.toEqual(wrongNumber(Object.values(options)[0]))
        expect(existsSync(path)).toBe(false)
      }
    })
  })
}

describe('permissions', () => {
  given(scheme('unix'))('are never wider than the mode, from bind(2) on', async () => {
    if (addon === undefined) return
    await using directory = await temporaryDirectory()
    const path = directory.file('s')
    const address: UnixAddress = { family: 'unix', scheme: 'unix', path }
    const fd = addon.socket(1, 1, 0)
    let atFirst = 0
    await withUmask(0, async () => {
      const steps = unixDefinition.aroundBind?.(address, { fd, options: { mode: 0o600 } })
      steps?.before?.()
      expect(addon.bind(fd, unixDefinition.encode(address))).toBe(0)
      atFirst = statSync(path).mode & 0o777
      steps?.bound?.()
    })
    addon.close(fd)
    expect(atFirst.toString(8)).toBe('600')
  })

  given(scheme('unix'))('of an abstract name are ERR_UNSUPPORTED: there are none', async () => {
    await expect(listen('unix:@polysocket-mode', { mode: 0o600 })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})

describe('somebody else who owns the directory', () => {
  const address = (path: string): UnixAddress => ({ family: 'unix', scheme: 'unix', path })

  /** Binds to the path; `swap` is what they do before we can look at the file. */
  function bound(path: string, options: OpenOptions, swap: () => void): { claim: () => unknown; close: () => void } {
    if (addon === undefined) throw new Error('there is no addon')
    const fd = addon.socket(1, 1, 0)
    const steps = unixDefinition.aroundBind?.(address(path), { fd: undefined, options: { ...options } })
    steps?.before?.()
    expect(addon.bind(fd, unixDefinition.encode(address(path)))).toBe(0)
    swap()
    return { claim: () => steps?.bound?.(), close: () => addon.close(fd) }
  }

  given(scheme('unix'))('cannot have us change the mode of a file by a symlink', async () => {
    await using directory = await temporaryDirectory()
    const [path, target] = [directory.file('s'), directory.file('target')]
    writeFileSync(target, '', { mode: 0o600 })
    const { claim, close } = bound(path, { mode: 0o666 }, () => {
      unlinkSync(path)
      symlinkSync(target, path)
    })
    expect(claim).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'chmod' }))
    expect((statSync(target).mode & 0o777).toString(8)).toBe('600')
    close()
  })

  given(scheme('unix'))('cannot have us change or remove the socket of another directory', async () => {
    await using directory = await temporaryDirectory()
    const [run, theirs] = [directory.file('run'), directory.file('theirs')]
    mkdirSync(run)
    mkdirSync(theirs)
    await using victim = await listen(`unix:${theirs}/s`, { mode: 0o600 })
    const swap = (): void => {
      renameSync(run, directory.file('moved'))
      symlinkSync(theirs, run)
    }
    const first = bound(`${run}/s`, { mode: 0o666 }, swap)
    expect(first.claim).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    first.close()
    unlinkSync(run)
    unlinkSync(directory.file('moved/s'))
    renameSync(directory.file('moved'), run)
    const second = bound(`${run}/s`, {}, swap)
    expect(second.claim()).toBeUndefined()
    second.close()
    expect((lstatSync(`${theirs}/s`).mode & 0o777).toString(8)).toBe('600')
    await victim.close()
  })

  given(scheme('unix'))('cannot have us take a file for ours that was there when we bound elsewhere', async () => {
    await using directory = await temporaryDirectory()
    const [run, theirs] = [directory.file('run'), directory.file('theirs')]
    mkdirSync(directory.file('real'))
    mkdirSync(theirs)
    symlinkSync(theirs, run)
    await using victim = await listen(`unix:${theirs}/s`)
    if (addon === undefined) return
    const fd = addon.socket(1, 1, 0)
    const steps = unixDefinition.aroundBind?.(address(`${run}/s`), { fd: undefined, options: {} })
    const lead = (to: string): void => {
      unlinkSync(run)
      symlinkSync(to, run)
    }
    // There and back: what is looked at before and after is one directory, and what is bound is in another.
    steps?.before?.()
    lead(directory.file('real'))
    expect(addon.bind(fd, unixDefinition.encode(address(`${run}/s`)))).toBe(0)
    lead(theirs)
    expect(steps?.bound?.()).toBeUndefined()
    addon.close(fd)
    await victim.close()
  })
})

describe('taking over', () => {
  given(scheme('unix'), python)(
    'a live server of another process, of any type, with a full backlog, is left alone',
    async () => {
      await using directory = await temporaryDirectory()
      await using peer = new Child('python3', [
        '-c',
        `
import socket, sys
sockets = []
for kind in ('STREAM', 'DGRAM', 'SEQPACKET'):
    s = socket.socket(socket.AF_UNIX, getattr(socket, 'SOCK_' + kind)); s.bind(sys.argv[1] + '/' + kind)
    if kind != 'DGRAM': s.listen(0)
    sockets.append(s)
full = socket.socket(socket.AF_UNIX); full.bind(sys.argv[1] + '/full'); full.listen(0)
for _ in range(1):
    c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1] + '/full'); sockets.append(c)
print('ready', flush=True)
sys.stdin.read()`,
        directory.path,
      ])
      expect(await peer.line()).toBe('ready')
      for (const name of ['STREAM', 'DGRAM', 'SEQPACKET', 'full']) {
        const before = lstatSync(directory.file(name)).ino
        await expect(listen(`unix:${directory.file(name)}`, { unlinkStale: true })).rejects.toEqual(inUse)
        expect(lstatSync(directory.file(name)).ino).toBe(before)
      }
    },
  )

  given(scheme('unix'))('works for paths of any bytes and of full length', async () => {
    await using directory = await temporaryDirectory()
    const bytes = Uint8Array.from(Buffer.concat([Buffer.from(directory.file('')), Buffer.from([0xff, 0xfe])]))
    const full = directory.file('x'.repeat(107 - directory.path.length))
    for (const path of [bytes, full]) {
      const address: UnixAddress = { family: 'unix', scheme: 'unix', path }
      if (addon === undefined) return
      const fd = addon.socket(1, 1, 0)
      expect(addon.bind(fd, unixDefinition.encode(address))).toBe(0)
      addon.close(fd)
      await expect(listen(address)).rejects.toEqual(inUse)
      await using server = await listen(address, { unlinkStale: true })
      expect(server.address).toEqual(address)
      await server.close()
      expect(existsSync(Buffer.from(path))).toBe(false)
    }
  })

  given(scheme('unix'), python)('leaves no descriptor behind', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    for (const path of leaveBehind(directory)) {
      await using server = await listen(`unix:${path}`, { unlinkStale: true })
      await expect(listen(`unix:${path}`, { unlinkStale: true })).rejects.toEqual(inUse)
      await server.close()
    }
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })
})

describe('a relative path', () => {
  given(scheme('unix'))(
    'is bound as it is, and removed where it was bound',
    async () => {
      await using directory = await temporaryDirectory()
      mkdirSync(directory.file('elsewhere'))
      await buildOnce()
      // chdir is the whole process's, and none of a worker's.
      const script = `
      import { listen } from 'polysocket'
      import { existsSync, writeFileSync } from 'node:fs'
      process.chdir(process.argv[1])
      const server = await listen('unix:./rel.sock')
      console.log(server.address.path, existsSync('rel.sock'))
      process.chdir('elsewhere')
      writeFileSync('rel.sock', 'precious')
      await server.close()
      console.log(existsSync('rel.sock'), existsSync('../rel.sock'))`
      await using child = new Child(process.execPath, ['--input-type=module', '-e', script, directory.path])
      expect(await child.exited).toMatchObject({ code: 0, stdout: './rel.sock true\ntrue false\n', stderr: '' })
    },
    60_000,
  )
})

describe('a socket without a path', () => {
  given(scheme('unixgram'))('can be bound to no name, and sends', async () => {
    await using receiver = await bind('unixgram:?autobind')
    await using sender = await bind('unixgram:?unnamed')
    expect(sender.local).toBeUndefined()
    expect(receiver.local).toMatchObject({ family: 'unix', scheme: 'unixgram' })
    await sender.send('from nobody', receiver.local)
    expect(await receiver.receive()).toMatchObject({ data: Buffer.from('from nobody'), from: undefined })
  })

  given(scheme('unix'))("can listen on a name of the kernel's choice", async () => {
    await using server = await listen('unix:?autobind')
    await using client = await connect(server.address as UnixAddress<'unix'>)
    expect(client.remote).toEqual(server.address)
  })

  given(scheme('unix'))('cannot be listened on without a name', async () => {
    await expect(listen('unix:?unnamed')).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
  })
})
