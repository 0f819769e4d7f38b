import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SdpClient, type SdpClientOptions } from '../../src/families/bluetooth/sdp/client.ts'
import { encodeElement } from '../../src/families/bluetooth/sdp/element-encoder.ts'
import { uuidOfNumber } from '../../src/families/bluetooth/uuid.ts'
import { AbortError, SocketError, socketpair } from '../../src/index.ts'
import { misuse, outOfRange } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import {
  anyElement,
  bytes,
  element,
  hex,
  nested,
  piece,
  type Request,
  response,
  ScriptedPeer,
  serialPort,
} from './sdp-support.ts'

const SPP = uuidOfNumber(0x1101)
const device = 'l2cap://00:11:22:33:44:55/0x0001'
const SEARCH = 3
const ATTRIBUTE = 5
const SEARCH_ATTRIBUTE = 7

type Script = (request: Request, index: number) => Uint8Array | undefined | Promise<never>

function ask(script: Script, options: SdpClientOptions = {}): { peer: ScriptedPeer; client: SdpClient } {
  const peer = new ScriptedPeer(script)
  return { peer, client: new SdpClient(peer, { address: device, ...options }) }
}

/** The answer in pieces of `size` bytes, each with a continuation state that tells the offset, as stateless servers do. */
function inPieces(id: number, answer: string, size: number): Script {
  const whole = bytes(answer)
  return ({ transaction, parameters }) => {
    const state = hex(parameters.subarray(-2))
    const isFirst = parameters.at(-1) === 0 && parameters.at(-3) !== 2
    const offset = isFirst ? 0 : Number.parseInt(state, 16)
    const next = offset + size
    const continuation = next < whole.length ? next.toString(16).padStart(4, '0') : ''
    return piece(id, transaction, hex(whole.subarray(offset, next)), continuation)
  }
}

async function failure(promise: Promise<unknown>): Promise<SocketError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Error)
  return error as SocketError
}

async function violation(promise: Promise<unknown>): Promise<string> {
  const error = await failure(promise)
  expect(error).toBeInstanceOf(SocketError)
  expect(error).toMatchObject({ code: 'EPROTO', syscall: 'sdp', address: device, errno: -71 })
  const start = `sdp EPROTO ${device}: `
  expect(error.message.startsWith(start)).toBe(true)
  return error.message.slice(start.length)
}

describe('requests as the specification writes them', () => {
  test('search of attributes', async () => {
    const { peer, client } = ask(({ transaction }) => piece(SEARCH_ATTRIBUTE, transaction, '3500'))
    expect(await client.searchAttributes([SPP])).toEqual([])
    await client.searchAttributes([SPP, '6e400001-b5a3-f393-e0a9-e50e24dcca9e'], [0, 4, [0x100, 0x1ff]])
    expect(peer.requests.map(({ id, transaction, parameters }) => [id, transaction, hex(parameters)])).toEqual([
      [6, 1, '3503191101 ffff 35050a0000ffff 00'.replaceAll(' ', '')],
      [6, 2, '35141911011c6e400001b5a3f393e0a9e50e24dcca9e ffff 350b 090000 090004 0a010001ff 00'.replaceAll(' ', '')],
    ])
  })

  test('search', async () => {
    const { peer, client } = ask(({ transaction }) => response(SEARCH, transaction, '00000000 00'))
    expect(await client.serviceSearch([SPP])).toEqual([])
    await client.serviceSearch([uuidOfNumber(0x12345678)], 5)
    expect(peer.requests.map(({ id, parameters }) => [id, hex(parameters)])).toEqual([
      [2, '3503191101ffff00'],
      [2, '35051a12345678000500'],
    ])
  })

  test('attributes of a record', async () => {
    const { peer, client } = ask(({ transaction }) => piece(ATTRIBUTE, transaction, '3500'))
    expect((await client.serviceAttribute(0xfffffffe, [4])).size).toBe(0)
    expect(peer.requests.map(({ id, parameters }) => [id, hex(parameters)])).toEqual([[4, 'fffffffeffff350309000400']])
  })

  test.each<[string, (client: SdpClient) => Promise<unknown>]>([
    ['no UUID', (client) => client.searchAttributes([])],
    ['13 UUIDs', (client) => client.serviceSearch(Array.from({ length: 13 }, () => SPP))],
    ['a UUID that is none', (client) => client.serviceSearch(['spp'])],
    ['no record asked for', (client) => client.serviceSearch([SPP], 0)],
    ['too many records', (client) => client.serviceSearch([SPP], 0x10000)],
    ['no attribute', (client) => client.searchAttributes([SPP], [])],
    ['an attribute of 17 bits', (client) => client.searchAttributes([SPP], [0x10000])],
    ['a range from high to low', (client) => client.searchAttributes([SPP], [[5, 4]])],
    ['ranges that overlap', (client) => client.searchAttributes([SPP], [[0, 5], 5])],
    ['a handle of 33 bits', (client) => client.serviceAttribute(2 ** 32)],
    ['a negative handle', (client) => client.serviceAttribute(-1)],
  ])('%s is refused, and nothing is sent', async (_, call) => {
    const { peer, client } = ask(() => undefined)
    expect(await failure(call(client))).toEqual(misuse)
    expect(peer.requests).toEqual([])
  })

  test('a time limit that is none', () => {
    expect(() => new SdpClient(new ScriptedPeer(() => undefined), { responseTimeout: -1 })).toThrow(outOfRange)
  })
})

describe('answers', () => {
  const lists = element(serialPort + serialPort)

  test.each([1, 2, 3, 7, 48, 1000])('a list of records in pieces of %d bytes', async (size) => {
    const { peer, client } = ask(inPieces(SEARCH_ATTRIBUTE, lists, size))
    const records = await client.searchAttributes([SPP])
    expect(records.map((record) => [...record.keys()])).toEqual([
      [0, 1, 4, 5, 6, 9, 0x100, 0x101],
      [0, 1, 4, 5, 6, 9, 0x100, 0x101],
    ])
    expect(records[0]?.get(0)).toEqual({ type: 'uint', size: 4, value: 0x10005 })
    expect(peer.requests).toHaveLength(Math.ceil(bytes(lists).length / size))
    expect(peer.requests.map(({ transaction }) => transaction)).toEqual(peer.requests.map((_, index) => index + 1))
  })

  test('a record in pieces', async () => {
    const { client } = ask(inPieces(ATTRIBUTE, serialPort, 10))
    const record = await client.serviceAttribute(0x10005)
    expect(record.get(1)).toEqual({ type: 'sequence', value: [{ type: 'uuid', value: SPP }] })
  })

  test('handles in pieces; each request takes back the state of the response before it', async () => {
    const answers = ['0003 0001 00010000 02 aabb', '0003 0001 00010001 10 000102030405060708090a0b0c0d0e0f']
    const { peer, client } = ask(({ transaction }, index) =>
      response(SEARCH, transaction, answers[index] ?? '0003 0001 00010002 00'),
    )
    expect(await client.serviceSearch([SPP])).toEqual([0x10000, 0x10001, 0x10002])
    expect(peer.requests.map(({ parameters }) => hex(parameters.subarray(7)))).toEqual([
      '00',
      '02aabb',
      '10000102030405060708090a0b0c0d0e0f',
    ])
  })

  test('a last response that is empty', async () => {
    const pieces = [lists, '']
    const { client } = ask(({ transaction }, index) =>
      piece(SEARCH_ATTRIBUTE, transaction, pieces[index] as string, index === 0 ? '01' : ''),
    )
    expect(await client.searchAttributes([SPP])).toHaveLength(2)
  })

  test('calls at the same time are asked one after the other, also after one that fails', async () => {
    const { client } = ask(({ id, transaction }) => {
      if (id === 2) return response(1, transaction, '0006')
      return piece(id + 1, transaction, id === 4 ? serialPort : lists)
    })
    const [records, handles, record] = await Promise.allSettled([
      client.searchAttributes([SPP]),
      client.serviceSearch([SPP]),
      client.serviceAttribute(0x10005),
    ])
    expect([records.status, handles.status, record.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  test.each<[string, RegExp]>([
    ['0001', /0x0001: invalid or unsupported SDP version$/],
    ['0002', /0x0002: invalid service record handle$/],
    ['0003', /0x0003: invalid request syntax$/],
    ['0004', /0x0004: invalid PDU size$/],
    ['0005', /0x0005: invalid continuation state$/],
    ['0006', /0x0006: insufficient resources$/],
    ['0006deadbeef', /0x0006: insufficient resources$/],
    ['0007', /0x0007: an error that the specification does not name$/],
    ['ffff', /0xffff: an error that the specification does not name$/],
  ])('the error response %s is explained', async (parameters, message) => {
    const { client } = ask(({ transaction }) => response(1, transaction, parameters))
    const error = await failure(client.serviceAttribute(1))
    expect(error).toMatchObject({ code: 'EREMOTEIO', syscall: 'sdp', address: device })
    expect(error.message).toMatch(message)
  })
})

describe('what no honest device does', () => {
  const search = (script: Script): Promise<string> => violation(ask(script).client.serviceSearch([SPP], 10))
  const attributes = (script: Script): Promise<string> => violation(ask(script).client.searchAttributes([SPP]))
  const lists = element(serialPort)

  test.each([
    [SEARCH, response(SEARCH, 1, '0002 0002 00010000 00010001 02 aabb')],
    [SEARCH_ATTRIBUTE, piece(SEARCH_ATTRIBUTE, 1, lists)],
    [SEARCH_ATTRIBUTE, piece(SEARCH_ATTRIBUTE, 1, lists, 'aabb')],
    [1, response(1, 1, '0006')],
  ])('a response of type %d that is cut short, anywhere', async (id, whole) => {
    const hostile = id === SEARCH ? search : attributes
    for (let length = 0; length < whole.length; length++) await hostile(() => whole.subarray(0, length))
  })

  test('the same, with the length in the header put right', async () => {
    const search = bytes('0002000200010000 00010001 02aabb')
    for (let length = 0; length < search.length; length++) {
      const { client } = ask(() => response(SEARCH, 1, hex(search.subarray(0, length))))
      await violation(client.serviceSearch([SPP]))
    }
    const whole = piece(SEARCH_ATTRIBUTE, 1, lists).subarray(5)
    for (let length = 0; length < whole.length; length++) {
      await attributes(() => response(SEARCH_ATTRIBUTE, 1, hex(whole.subarray(0, length))))
    }
  })

  test('a record list that is cut short, anywhere, each length around it being right', async () => {
    const inner = bytes(lists)
    for (let length = 0; length < inner.length; length++) {
      await attributes(() => piece(SEARCH_ATTRIBUTE, 1, hex(inner.subarray(0, length))))
    }
  })

  test.each<[string, Uint8Array, RegExp]>([
    ['an empty message', bytes(''), /1 bytes should follow, and 0 do/],
    ['a header that says too much', bytes('07 0001 0006 0002 3500 00'), /says .* 6 bytes of parameters, and has 5/],
    ['a header that says too little', bytes('07 0001 0004 0002 3500 00'), /says .* 4 bytes of parameters, and has 5/],
    ['a byte count that says too much', response(7, 1, '0003 3500 00'), /1 bytes should follow, and 0 do/],
    ['a byte count that says too little', response(7, 1, '0001 3500 00'), /1 bytes that do not belong to it/],
    ['bytes after the end', response(7, 1, '0002 3500 00 00'), /1 bytes that do not belong to it/],
    ['a continuation state of 17 bytes', piece(7, 1, '3500', '00'.repeat(17)), /state of 17 bytes is too long/],
    ['another transaction', piece(7, 2, '3500'), /response is to request 2, not to 1/],
    ["an error in another's place", response(1, 9, '0006'), /response is to request 9, not to 1/],
    ['the response to another question', piece(ATTRIBUTE, 1, '3500'), /request type 6 is of type 5, not 7/],
    ['a request', response(6, 1, '3503191101ffff35050a0000ffff00'), /no response with the identifier 6/],
    ['what is no PDU', response(0xff, 1, ''), /no response with the identifier 255/],
    ['no records at all', piece(7, 1, ''), /1 bytes should follow, and 0 do/],
    ['more than its list', piece(7, 1, '350000'), /announces 2 bytes, and 3 have come/],
    ['something else than a list', piece(7, 1, '0801'), /come as a sequence, not as a uint/],
    ['records that are none', piece(7, 1, '35020801'), /sequence of attributes, not a uint/],
    ['an attribute without a value', piece(7, 1, '35053503090000'), /last attribute of a record has no value/],
    ['an attribute whose identifier is text', piece(7, 1, '350735052501610801'), /identifier is not an unsigned/],
    ['an attribute whose identifier is short', piece(7, 1, '3506350408000801'), /identifier is not an unsigned number/],
    ['4 GiB to come', piece(7, 1, '37ffffffff', '01'), /announces 4294967300 bytes, and more than 262144/],
    ['a bomb of nested sequences', piece(7, 1, hex(nested(10_000))), /more than 32 levels/],
  ])('%s', async (_, answer, message) => {
    expect(await attributes(() => answer)).toMatch(message)
  })

  test.each<[string, string, RegExp]>([
    ['more handles than it counts', '0001 0001 00010000 00010001 00', /followed by 4 bytes/],
    ['fewer handles than it counts', '0002 0002 00010000 00', /4 bytes should follow/],
    ['more than it announces', '0001 0002 00010000 00010001 00', /1 records were announced, and 2 came/],
    ['fewer than it announces', '0002 0001 00010000 00', /2 records were announced, and 1 came/],
    ['more than was asked for', `000b 000b ${'00010000'.repeat(11)} 00`, /10 records were asked for, and 11 came/],
    ['65,535 that are not there', 'ffff ffff 00', /4 bytes should follow, and 1 do/],
  ])('handles: %s', async (_, parameters, message) => {
    expect(await search(() => response(SEARCH, 1, parameters))).toMatch(message)
  })

  test('a continuation that begins again and again', async () => {
    const { peer, client } = ask(({ transaction }) => piece(SEARCH_ATTRIBUTE, transaction, lists.slice(0, 100), 'aa'))
    expect(await violation(client.searchAttributes([SPP]))).toMatch(/announces \d+ bytes, and \d+ have come/)
    expect(peer.requests.length).toBeLessThan(10)
  })

  test.each([0, 1])('a continuation that brings nothing, from response %d on', async (from) => {
    const { peer, client } = ask(({ transaction }, index) =>
      piece(SEARCH_ATTRIBUTE, transaction, index < from ? lists.slice(0, 20) : '', 'aa'),
    )
    expect(await violation(client.searchAttributes([SPP]))).toMatch(/nothing comes/)
    expect(peer.requests).toHaveLength(from + 1)
  })

  test('handles that go on and bring nothing, and handles that go on for ever', async () => {
    expect(await search(({ transaction }) => response(SEARCH, transaction, '0001 0000 01 aa'))).toMatch(/nothing comes/)
    const { peer, client } = ask(({ transaction }) => response(SEARCH, transaction, 'ffff 0001 00010000 01 aa'))
    expect(await violation(client.serviceSearch([SPP]))).toMatch(/has not ended after 4096 responses/)
    expect(peer.requests).toHaveLength(4096)
  })

  test('a continuation that goes on as far as was announced, and further', async () => {
    const { peer, client } = ask(({ transaction }, index) =>
      piece(SEARCH_ATTRIBUTE, transaction, index === 0 ? '3700030000' : '00'.repeat(1000), 'aa'),
    )
    expect(await violation(client.searchAttributes([SPP]))).toMatch(/announces 196613 bytes, and 197005 have come/)
    expect(peer.requests).toHaveLength(198)
  })

  test('one byte in each response', async () => {
    const { peer, client } = ask(({ transaction }, index) =>
      piece(SEARCH_ATTRIBUTE, transaction, index === 0 ? '3700030000' : '00', 'aa'),
    )
    expect(await violation(client.searchAttributes([SPP]))).toMatch(/has not ended after 4096 responses/)
    expect(peer.requests).toHaveLength(4096)
  })

  test('any bytes as records: records, or EPROTO, never anything else', async () => {
    const anyAnswer = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      anyElement.map(encodeElement),
      fc.array(anyElement).map((value) => encodeElement({ type: 'sequence', value })),
    )
    await fc.assert(
      fc.asyncProperty(anyAnswer, async (answer) => {
        const { client } = ask(() => piece(SEARCH_ATTRIBUTE, 1, hex(answer)))
        const result = await client.searchAttributes([SPP]).catch((error: unknown) => error)
        if (!Array.isArray(result)) expect(result).toMatchObject({ name: 'SocketError', code: 'EPROTO' })
      }),
      { numRuns: 500 },
    )
  })

  test('any bytes as a response: EPROTO or an answer', async () => {
    const header = fc.tuple(fc.constantFrom(1, 3, 5, 7), fc.uint8Array({ maxLength: 40 }))
    const anyResponse = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      header.map(([id, parameters]) => response(id, 1, hex(parameters))),
    )
    await fc.assert(
      fc.asyncProperty(anyResponse, async (answer) => {
        const { client } = ask((_, index) => (index === 0 ? answer : undefined))
        const result = await client.serviceSearch([SPP]).catch((error: SocketError) => error.code)
        if (!Array.isArray(result)) expect(['EPROTO', 'EREMOTEIO', 'ECONNRESET']).toContain(result)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a device that goes away', () => {
  test.each([0, 1, 2])('after %d responses', async (count) => {
    const answer = element(serialPort)
    const { client } = ask((request, index) =>
      index < count ? inPieces(SEARCH_ATTRIBUTE, answer, 20)(request, index) : undefined,
    )
    const error = await failure(client.searchAttributes([SPP]))
    expect(error).toMatchObject({ code: 'ECONNRESET', syscall: 'sdp', address: device })
    expect(error.message).toMatch(/closed the connection before it had answered/)
  })

  test('the error of the connection is the error of the call', async () => {
    const lost = new SocketError('EHOSTDOWN', 'lost')
    const { client } = ask(() => Promise.reject(lost))
    expect(await failure(client.searchAttributes([SPP]))).toBe(lost)
  })

  test('silence ends with the time limit', async () => {
    const { client } = ask(() => new Promise<never>(() => undefined), { responseTimeout: 20 })
    expect(await failure(client.searchAttributes([SPP]))).toMatchObject({
      code: 'ETIMEDOUT',
      syscall: 'sdp',
      address: device,
    })
  })

  test('abort ends what is in flight, and what waits for its turn', async () => {
    const controller = new AbortController()
    const { peer, client } = ask(() => new Promise<never>(() => undefined), { signal: controller.signal })
    const calls = [client.searchAttributes([SPP]), client.serviceSearch([SPP])]
    const results = Promise.allSettled(calls)
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 10)
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected' })
      const { reason: error } = result as PromiseRejectedResult
      expect(error).toBeInstanceOf(AbortError)
      expect(error.cause).toBe(reason)
    }
    expect(peer.requests).toHaveLength(1)
  })
})

given(scheme('unixpacket'))('the same over a real socket of messages', async () => {
  const [ours, theirs] = socketpair('unixpacket')
  const answer = inPieces(SEARCH_ATTRIBUTE, element(serialPort), 48)
  const served = (async () => {
    for await (const { data } of theirs) {
      const request = { id: data.readUInt8(), transaction: data.readUInt16BE(1), parameters: data.subarray(5) }
      await theirs.send((await answer(request, 0)) as Uint8Array)
    }
  })()
  const client = new SdpClient(ours, { address: device })
  expect(await client.searchAttributes([SPP])).toHaveLength(1)
  expect(await client.searchAttributes([SPP])).toHaveLength(1)
  const last = client.searchAttributes([SPP])
  await theirs.close()
  expect(['ECONNRESET', 'EPIPE']).toContain((await failure(last)).code)
  await ours.close()
  await served
})
