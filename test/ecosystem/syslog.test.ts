import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { bind, connect, type DatagramEndpoint } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'
import { entrust, installed, locate, Server } from '../support/servers.ts'

const command = locate('rsyslogd')
const needs = [installed('rsyslogd', command, 'rsyslog'), scheme('unixgram')]
const test = given(...needs)
let server: Server | undefined
let socket = ''
let file = ''

/** Only our socket, no limit of its rate, and everything into one file: priority, program, id, data, message. */
const config = (directory: string): string => `
global(workDirectory="${directory}" maxMessageSize="256k" processInternalMessages="off"
       parser.escapeControlCharactersOnReceive="off" parser.escape8BitCharactersOnReceive="off")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0" UseSpecialParser="off")
template(name="fields" type="string" string="%pri%|%app-name%|%msgid%|%structured-data%|%msg%\\n")
action(type="omfile" file="${file}" template="fields" flushOnTXEnd="on" fileCreateMode="0644")
`

beforeAll(async () => {
  if (command === undefined || needs.some(({ met }) => !met)) return
  server = await Server.start(async (directory) => {
    socket = directory.file('log')
    file = directory.file('messages')
    await entrust(directory.file('config'), config(directory.path))
    return {
      command,
      args: ['-n', '-f', directory.file('config'), '-i', directory.file('pid')],
      ready: async () => {
        await using endpoint = await connect(`unixgram:${socket}`)
        return endpoint.remote !== undefined
      },
    }
  })
})
afterAll(() => server?.[Symbol.asyncDispose]())

/** RFC 5424. `data` is structured data, `text` the message. */
function message(id: string, text: string, data = '-'): string {
  return `<165>1 ${new Date().toISOString()} ${hostname()} polysocket ${process.pid} ${id} ${data} ${text}`
}

/** The lines of one test, which has an id of its own, once there are so many. */
async function arrived(id: string, count: number): Promise<string[]> {
  const lines = (): string[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.split('|')[2] === id)
  await eventually(() => lines().length >= count, 15_000)
  return lines()
}

describe('RFC 5424 messages into a real rsyslogd', () => {
  test('5,000 at once: none lost, in order, UTF-8 and structured data as they were', async () => {
    await using endpoint = (await connect(`unixgram:${socket}`)) as DatagramEndpoint
    const data = (at: number): string => `[exampleSDID@32473 at="${at}" name="żółw"]`
    const text = (at: number): string => `\u{feff}no. ${at}: żółw 🐢`
    const batch = Array.from({ length: 5000 }, (_, at) => ({ data: message('BATCH', text(at), data(at)) }))
    expect(await endpoint.sendBatch(batch)).toEqual({ sent: 5000, failed: [] })
    const lines = await arrived('BATCH', 5000)
    expect(lines).toEqual(batch.map((_, at) => `165|polysocket|BATCH|${data(at)}|${text(at)}`))
  })

  test('1,000 from an endpoint that is not connected, each awaited', async () => {
    await using endpoint = await bind('unixgram:?unnamed')
    for (let at = 0; at < 1000; at++) await endpoint.send(message('AWAITED', `no. ${at}`), `unixgram:${socket}`)
    const lines = await arrived('AWAITED', 1000)
    expect(lines).toEqual(Array.from({ length: 1000 }, (_, at) => `165|polysocket|AWAITED|-|no. ${at}`))
  })

  test('the largest message there can be arrives whole, and one byte more is EMSGSIZE', async () => {
    await using endpoint = (await connect(`unixgram:${socket}`)) as DatagramEndpoint
    const head = message('LARGE', '')
    const text = 'x'.repeat((endpoint.facts.maxMessage as number) - head.length)
    await expect(endpoint.send(`${head}${text}y`)).rejects.toMatchObject({ code: 'EMSGSIZE' })
    await endpoint.send(head + text)
    const [line] = await arrived('LARGE', 1)
    expect(line?.length).toBe(`165|polysocket|LARGE|-|${text}`.length)
    expect(line?.endsWith(text)).toBe(true)
  })
})
