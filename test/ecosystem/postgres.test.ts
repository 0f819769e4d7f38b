import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { connect, createConnection, type EngineName, type StreamEndpoint } from '../../src/index.ts'
import { MiB } from '../support/bytes.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { entrust, freePort, installed, locate, postgresFolders, prepare, Server } from '../support/servers.ts'
import { identity } from '../support/web.ts'

const initdb = locate('initdb', postgresFolders())
const postgres = locate('postgres', postgresFolders())
const there = installed('postgres', postgres, 'postgresql')
const login = { user: 'tester', password: 'secret', database: 'postgres' }

let server: Server | undefined
let socket = ''
let tcp = { host: '', port: 0 }

beforeAll(async () => {
  if (initdb === undefined || postgres === undefined) return
  tcp = await freePort()
  server = await Server.start(async (directory) => {
    const [data, password, cert, key] = ['data', 'password', 'cert', 'key'].map(directory.file) as string[]
    await entrust(password as string, login.password)
    await entrust(cert as string, identity('server').cert)
    await entrust(key as string, identity('server').key)
    const make = ['-D', data, '-U', login.user, `--pwfile=${password}`, '--auth=scram-sha-256', '--no-sync']
    await prepare(directory, initdb, [...(make as string[]), '--encoding=UTF8', '--locale=C'])
    const settings = {
      listen_addresses: tcp.host,
      port: tcp.port,
      unix_socket_directories: directory.path,
      ssl: 'on',
      ssl_cert_file: cert,
      ssl_key_file: key,
      fsync: 'off',
    }
    socket = directory.file(`.s.PGSQL.${tcp.port}`)
    const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    return {
      command: postgres,
      args: ['-D', data as string, ...set],
      ready: ({ stderr }) => stderr.includes('ready to accept connections'),
      stop: 'SIGINT',
    }
  })
})
afterAll(() => server?.[Symbol.asyncDispose]())

describe.each<EngineName>(['kernel', 'node'])('PostgreSQL through pg, %s engine', (engine) => {
  const test = given(there, scheme('unix', engine))
  const config = (): pg.ClientConfig => ({ ...login, stream: () => createConnection(`unix:${socket}`, { engine }) })

  /** A client that logged in by password, which takes SCRAM's four messages. */
  async function client(options = config()): Promise<pg.Client & AsyncDisposable> {
    const made = new pg.Client(options)
    await made.connect()
    return Object.assign(made, { [Symbol.asyncDispose]: () => made.end() })
  }

  test('300 queries with parameters, prepared and not', async () => {
    await using made = await client()
    for (let at = 0; at < 300; at++) {
      const text = `no. ${at}: żółw 🐢 '"\\`
      const { rows } = await made.query({
        ...(at % 2 === 0 && { name: 'by name' }),
        text: 'select $1::int as number, $2::text as text, $3::bytea as bytes, $4::jsonb as json, $5::text as nothing',
        values: [at, text, Buffer.from(text), { at, list: [text] }, null],
      })
      expect(rows).toEqual([{ number: at, text, bytes: Buffer.from(text), json: { at, list: [text] }, nothing: null }])
    }
  })

  test('transactions are kept, rolled back, and survive an error', async () => {
    await using made = await client()
    await made.query('create temporary table notes (number int primary key)')
    await made.query('begin')
    await made.query('insert into notes select generate_series(1, 300)')
    await made.query('commit')
    await made.query('begin')
    await made.query('delete from notes')
    await made.query('savepoint here')
    await expect(made.query('insert into notes values (1), (1)')).rejects.toMatchObject({ code: '23505' })
    await expect(made.query('select 1')).rejects.toMatchObject({ code: '25P02' })
    await made.query('rollback to savepoint here')
    await made.query('rollback')
    expect((await made.query('select count(*)::int as count from notes')).rows).toEqual([{ count: 300 }])
  })

  test('a result of 50,000 rows, and 4 MiB there and back', async () => {
    await using made = await client()
    const { rows } = await made.query(
      'select number, md5(number::text) as digest from generate_series(1, 50000) number',
    )
    expect(rows).toHaveLength(50_000)
    for (const { number, digest } of rows.filter((_, at) => at % 997 === 0)) {
      expect(digest).toBe(createHash('md5').update(String(number)).digest('hex'))
    }
    const bytes = randomBytes(4 * MiB)
    const echo = await made.query('select $1::bytea as bytes, md5($1::bytea) as digest', [bytes])
    expect(echo.rows[0].digest).toBe(createHash('md5').update(bytes).digest('hex'))
    expect(bytes.equals(echo.rows[0].bytes)).toBe(true)
  })

  test('300 notifications arrive in order', async () => {
    await using listening = await client()
    await using notifying = await client()
    const arrived: (string | undefined)[] = []
    listening.on('notification', ({ payload }) => arrived.push(payload))
    const channel = `from_${engine}`
    await listening.query(`listen ${channel}`)
    const sent = Array.from({ length: 300 }, (_, at) => String(at))
    for (const payload of sent) await notifying.query('select pg_notify($1, $2)', [channel, payload])
    expect(await eventually(() => arrived.length >= sent.length)).toBe(true)
    expect(arrived).toEqual(sent)
  })

  test('a pool of 8: 400 queries at once, and nothing is left open', async () => {
    const before = openDescriptors()
    const pool = new pg.Pool({ ...config(), max: 8 })
    const backends = await Promise.all(
      Array.from({ length: 400 }, async (_, at) => {
        const { rows } = await pool.query('select pg_backend_pid() as pid, $1::int as number', [at])
        expect(rows[0].number).toBe(at)
        return rows[0].pid
      }),
    )
    expect(new Set(backends).size).toBeLessThanOrEqual(8)
    expect(pool.totalCount).toBeLessThanOrEqual(8)
    await pool.end()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('an endpoint that is open already is taken, too', async () => {
    const open = (await connect(`unix:${socket}`, { engine })) as StreamEndpoint
    await using made = await client({ ...login, stream: () => open })
    expect((await made.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('a backend that is ended is an error of the client, and its end', async () => {
    await using made = await client()
    const victim = new pg.Client(config())
    const errors: Error[] = []
    victim.on('error', (error) => errors.push(error))
    const ended = new Promise<void>((resolve) => victim.once('end', () => resolve()))
    await victim.connect()
    const { rows } = await victim.query('select pg_backend_pid() as pid')
    await made.query('select pg_terminate_backend($1)', [rows[0].pid])
    await ended
    expect(errors[0]).toMatchObject({ code: '57P01' })
  })

  test('nobody at the path is ENOENT', async () => {
    const made = new pg.Client({ ...login, stream: () => createConnection(`unix:${socket}.not`, { engine }) })
    await expect(made.connect()).rejects.toMatchObject({ code: 'ENOENT' })
  })

  given(there, scheme('tcp', engine))('TLS over tcp: the endpoint is below it', async () => {
    const stream = () => createConnection(`tcp://${tcp.host}:${tcp.port}`, { engine, allowHalfOpen: true })
    // pg takes `host` for the name in the certificate.
    const secured = { ...login, stream, host: 'polysocket.test' }
    await using made = await client({ ...secured, ssl: { ca: identity('server').cert } })
    const { rows } = await made.query('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()')
    expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }])
    const bytes = randomBytes(4 * MiB)
    const echo = await made.query('select $1::bytea as bytes', [bytes])
    expect(bytes.equals(echo.rows[0].bytes)).toBe(true)
    const wrong = new pg.Client({ ...secured, ssl: { ca: identity('stranger').cert } })
    await expect(wrong.connect()).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })
})
