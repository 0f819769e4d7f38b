import { test, expect } from 'vitest'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import { createSockets } from '../../src/core/sockets.ts'
import { unix } from '../../src/families/unix.ts'
import { inet } from '../../src/families/inet.ts'
const { connect, listen, bind, socketpair, families, adopt } = createSockets([unix, inet] as never)
test('slice', async () => {
  console.log(JSON.stringify(families()))
  const path = `/tmp/slice-${process.pid}.sock`
  const py = spawn('python3', ['-c', `
import socket,hashlib,sys
s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
print('up',flush=True)
c,_=s.accept(); h=hashlib.sha256()
while True:
  d=c.recv(65536)
  if not d: break
  h.update(d)
c.sendall(h.hexdigest().encode()); c.close()
`, path])
  py.stderr.pipe(process.stderr)
  await new Promise(r => py.stdout.once('data', r))
  const s = await connect(`unix:${path}`, { allowHalfOpen: true })
  const t = Date.now()
  await pipeline(createReadStream(process.execPath), s, { end: true }).catch(() => {})
  let got = ''
  for await (const d of s) got += d
  console.log(got, Date.now() - t, s.bytesWritten)
  expect(got).toBe(createHash('sha256').update(readFileSync(process.execPath)).digest('hex'))
})
test('tcp echo', async () => {
  const server = await listen('tcp://127.0.0.1:0')
  server.on('connection', (p) => p.pipe(p))
  const c = await connect(server.address as never) as any
  console.log(server.address, c.local, c.remote, c.address(), c.remotePort)
  c.write('hello')
  const [d] = await new Promise<any[]>(r => c.once('data', (d: Buffer) => r([d])))
  expect(String(d)).toBe('hello')
  c.destroy(); await server.close()
})
test('udp', async () => {
  const a = await bind('udp://127.0.0.1:0'), b = await bind('udp://127.0.0.1:0')
  await a.send('x', b.local as never)
  const m = await b.receive()
  console.log(m)
  expect(m?.data.toString()).toBe('x')
  await a.close(); await b.close()
})
test('pair', async () => {
  const [a, b] = socketpair('unixpacket')
  await a.send('x'); await a.send(''); await a.send('yy')
  a.end()
  const got = []
  for await (const m of b) got.push(m.data.toString())
  expect(got).toEqual(['x', '', 'yy'])
})
