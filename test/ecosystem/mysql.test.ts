import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { createConnection, type EngineName } from '../../src/index.ts'
import { MiB } from '../support/bytes.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { accepts, entrust, installed, locate, prepare, Server } from '../support/servers.ts'

const daemon = locate('mariadbd')
const installer = locate('mariadb-install-db')
const there = installed('mariadbd', daemon, 'mariadb-server')
/** What the server does first, a statement a line. */
const SETUP = [
  'create database notes;',
  "create user tester@localhost identified by 'secret';",
  'grant all on *.* to tester@localhost;',
]
let server: Server | undefined
let address = ''

beforeAll(async () => {
  if (daemon === undefined || installer === undefined) return
  server = await Server.start(async (directory) => {
    const [data, socket, first] = ['data', 'socket', 'first'].map(directory.file) as [string, string, string]
    const made = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    await prepare(directory, installer, made)
    await entrust(first, SETUP.join('\n'))
    address = `unix:${socket}`
    const settings = [
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--pid-file=${directory.file('pid')}`,
      `--init-file=${first}`,
    ]
    const small = ['--innodb-buffer-pool-size=16M', '--innodb-flush-log-at-trx-commit=0', '--max-allowed-packet=64M']
    return {
      command: daemon,
      args: ['--no-defaults', '--skip-networking', ...settings, ...small],
      ready: () => accepts(address),
    }
  })
})
afterAll(() => server?.[Symbol.asyncDispose]())

describe.each<EngineName>(['kernel', 'node'])('MariaDB through mysql2, %s engine', (engine) => {
  const test = given(there, scheme('unix', engine))
  const config = (): mysql.ConnectionOptions => ({
    user: 'tester',
    password: 'secret',
    database: 'notes',
    stream: () => createConnection(address, { engine }),
  })

  async function client(): Promise<mysql.Connection & AsyncDisposable> {
    const made = await mysql.createConnection(config())
    return Object.assign(made, { [Symbol.asyncDispose]: () => made.end() })
  }

  test('300 queries with parameters, prepared and not', async () => {
    await using made = await client()
    for (let at = 0; at < 300; at++) {
      const text = `no. ${at}: żółw 🐢 '"\\`
      const values = [at, text, Buffer.from(text), null]
      const sql = 'select ? as number, ? as text, ? as bytes, ? as nothing'
      const [rows] = at % 2 === 0 ? await made.execute(sql, values) : await made.query(sql, values)
      const [row] = rows as { number: number; text: string; bytes: Buffer | string; nothing: null }[]
      expect({ ...row, number: Number(row?.number), bytes: String(row?.bytes) }).toEqual({
        number: at,
        text,
        bytes: text,
        nothing: null,
      })
    }
  })

  test('transactions are kept and rolled back', async () => {
    await using made = await client()
    await made.query('create or replace table notes (number int primary key) engine=innodb')
    await made.beginTransaction()
    for (let at = 0; at < 100; at++) await made.execute('insert into notes values (?)', [at])
    await made.commit()
    expect((await made.query('select count(*) as count from notes'))[0]).toEqual([{ count: 100 }])
    await made.beginTransaction()
    await made.query('delete from notes')
    await expect(made.query('insert into notes values (1), (1)')).rejects.toMatchObject({ code: 'ER_DUP_ENTRY' })
    await made.rollback()
    expect((await made.query('select count(*) as count from notes'))[0]).toEqual([{ count: 100 }])
  })

  test('a result of 50,000 rows, and 4 MiB there and back', async () => {
    await using made = await client()
    const [rows] = await made.query('select seq as number, md5(seq) as digest from seq_1_to_50000')
    const list = rows as { number: number; digest: string }[]
    expect(list).toHaveLength(50_000)
    for (const { number, digest } of list.filter((_, at) => at % 997 === 0)) {
      expect(digest).toBe(createHash('md5').update(String(number)).digest('hex'))
    }
    const bytes = randomBytes(4 * MiB)
    const [echo] = await made.execute('select ? as bytes, md5(?) as digest', [bytes, bytes])
    const [row] = echo as { bytes: Buffer; digest: string }[]
    expect(row?.digest).toBe(createHash('md5').update(bytes).digest('hex'))
    expect(bytes.equals(Buffer.from(row?.bytes ?? ''))).toBe(true)
  })

  test('a pool of 8: 400 queries at once, and nothing is left open', async () => {
    const before = openDescriptors()
    const pool = mysql.createPool({ ...config(), connectionLimit: 8 })
    const ids = await Promise.all(
      Array.from({ length: 400 }, async (_, at) => {
        const [rows] = await pool.execute('select connection_id() as id, ? as number', [at])
        const [row] = rows as { id: number; number: number }[]
        expect(Number(row?.number)).toBe(at)
        return row?.id
      }),
    )
    expect(new Set(ids).size).toBeLessThanOrEqual(8)
    await pool.end()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('a connection that the server kills is an error of the client', async () => {
    await using made = await client()
    const victim = await mysql.createConnection(config())
    const failed = once(victim, 'error')
    await made.query(`kill ${victim.threadId}`)
    expect((await failed)[0]).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' })
  })

  test('nobody at the path is ENOENT', async () => {
    const stream = (): unknown => createConnection(`${address}.not`, { engine })
    await expect(mysql.createConnection({ ...config(), stream })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
