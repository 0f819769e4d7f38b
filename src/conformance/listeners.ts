import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import { readBytes } from './bytes.ts'
import { type CaseDefinition, isConnected } from './case.ts'
import { type AnyListener, addressOf, asDatagram, asStream, type Endpoint, type Fixture } from './fixture.ts'
import { receiveOne } from './messages.ts'
import { countEvents, delay, meanwhile, nextEvent } from './waiting.ts'

/** A short exchange, whatever the kind: what `from` says, `to` hears. */
export async function assertTalk(f: Fixture, from: Endpoint, to: Endpoint, text: string): Promise<void> {
  if (f.facts.kind === 'stream') {
    asStream(from).write(text)
    assert.equal((await f.wait(`"${text}"`, readBytes(asStream(to), text.length))).toString(), text)
  } else {
    await f.wait('send', asDatagram(from).send(text))
    assert.equal((await receiveOne(f, asDatagram(to))).data.toString(), text)
  }
}

/** Resolves once the endpoint has learned that its peer is gone. */
export async function learnsOfTheEnd(f: Fixture, endpoint: Endpoint): Promise<void> {
  if (f.facts.kind === 'stream') {
    const stream = asStream(endpoint)
    const closed = stream.closed ? undefined : nextEvent(stream, 'close')
    stream.resume()
    await f.wait("'close'", Promise.resolve(closed))
  } else {
    // An error tells it as well: ECONNRESET, where messages of ours were still unread.
    const over = asDatagram(endpoint)
      .receive()
      .catch(() => undefined)
    assert.equal(await f.wait('the end', over), undefined)
  }
}

/** Connects again and again; rejects when nobody refuses it. */
export async function assertRefused(f: Fixture, address: Address): Promise<NodeJS.ErrnoException> {
  const outcome = await f.wait(
    'the refusal',
    f.connect(address).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error,
    ),
  )
  assert.ok(outcome !== undefined, 'somebody answered where nobody listens')
  assert.match(String(outcome.code), /^E[A-Z0-9]+$/, `${outcome.code} is not a code of the system's`)
  return outcome
}

async function connectPairs(f: Fixture, listener: AnyListener, count: number): Promise<Endpoint[]> {
  return Promise.all(Array.from({ length: count }, () => f.connect(addressOf(listener))))
}

export const listeners: readonly CaseDefinition[] = [
  {
    name: 'accept gives connections one by one, also those that came before it was called',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      for (let i = 0; i < 3; i += 1) {
        const accepting = i === 0 ? f.accept(listener) : delay(20).then(() => f.accept(listener))
        const [near, far] = await Promise.all([f.connect(addressOf(listener)), accepting])
        await assertTalk(f, near, far, `hello ${i}`)
        await assertTalk(f, far, near, `hello back ${i}`)
      }
      assert.equal(listener.connections, 3)
    },
  },
  {
    name: 'iteration yields connections, and ends without an error when the listener is closed',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      let accepted = 0
      const serve = async () => {
        for await (const endpoint of listener) {
          f.track(endpoint)
          accepted += 1
        }
      }
      const served = meanwhile(serve())
      await connectPairs(f, listener, 3)
      while (accepted < 3) await f.wait('three connections', delay(5))
      await listener.close()
      await f.wait('the end of the iteration', served)
    },
  },
  {
    name: "'connection' tells of many connections at once, and each is its own",
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      const accepted: Endpoint[] = []
      listener.on('connection', (endpoint) => {
        f.track(endpoint)
        accepted.push(endpoint)
        if (f.facts.kind === 'stream') asStream(endpoint).pipe(asStream(endpoint))
        else asDatagram(endpoint).on('message', ({ data }) => void asDatagram(endpoint).send(data))
      })
      const clients = await f.wait('the connections', connectPairs(f, listener, f.connections))
      await Promise.all(clients.map((client, i) => assertTalk(f, client, client, `client ${i}`)))
      assert.equal(accepted.length, f.connections)
      assert.equal(listener.connections, f.connections)
    },
  },
  {
    name: 'maxConnections: one more is closed and told of, and there is room again when one closes',
    when: isConnected,
    run: async (f) => {
      f.expectErrors()
      const listener = await f.listen({ maxConnections: 2 })
      const accepted: Endpoint[] = []
      listener.on('connection', (endpoint) => accepted.push(f.track(endpoint)))
      const dropped = nextEvent(listener, 'drop')
      const drops = countEvents(listener, 'drop')
      const first = await f.connect(addressOf(listener))
      const second = await f.connect(addressOf(listener))
      while (accepted.length < 2) await f.wait('two connections', delay(5))
      const third = await f.connect(addressOf(listener)).catch(() => undefined)
      await f.wait("'drop'", dropped)
      if (third !== undefined) await learnsOfTheEnd(f, third)
      assert.deepEqual([accepted.length, listener.connections, drops.count], [2, 2, 1])
      const [farFirst] = accepted
      assert.ok(farFirst !== undefined)
      const gone = nextEvent(farFirst, 'close')
      if ('destroy' in farFirst) farFirst.destroy()
      else void farFirst.close()
      await f.wait("'close' of one", gone)
      const fourth = await f.connect(addressOf(listener))
      while (accepted.length < 3) await f.wait('room for another', delay(5))
      await assertTalk(f, fourth, accepted[2] as Endpoint, 'let in')
      await assertTalk(f, second, accepted[1] as Endpoint, 'not disturbed')
      await learnsOfTheEnd(f, first)
    },
  },
  {
    name: 'close stops accepting; connections that are open live on',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      const address = addressOf(listener)
      const [near, far] = await Promise.all([f.connect(address), f.accept(listener)])
      await listener.close()
      assert.equal(listener.closed, true)
      await assertRefused(f, address)
      await assertTalk(f, near, far, 'still open')
      await assertTalk(f, far, near, 'still open')
    },
  },
  {
    name: 'the address is free again after close',
    when: isConnected,
    run: async (f) => {
      const first = await f.listen()
      const address = addressOf(first)
      await first.close()
      const second = await f.listen({}, address)
      assert.deepEqual(second.address, address)
      const [near, far] = await Promise.all([f.connect(address), f.accept(second)])
      await assertTalk(f, near, far, 'here again')
    },
  },
  {
    name: 'a second listener at the same address is EADDRINUSE, and the first goes on',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      const second = f.listen({}, addressOf(listener))
      await assert.rejects(f.wait('the second listen', second), { code: 'EADDRINUSE', name: 'SocketError' })
      const [near, far] = await Promise.all([f.connect(addressOf(listener)), f.accept(listener)])
      await assertTalk(f, near, far, 'undisturbed')
    },
  },
  {
    name: 'a connection that nobody accepted is over when the listener closes',
    when: isConnected,
    run: async (f) => {
      f.expectErrors()
      const listener = await f.listen()
      const connecting = f.connect(addressOf(listener)).catch(() => undefined)
      await delay(50)
      await listener.close()
      const near = await f.wait('connect', connecting)
      if (near !== undefined) await learnsOfTheEnd(f, near)
    },
  },
  {
    name: 'accept heeds its signal and its timeout, and loses no connection by it',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      const controller = new AbortController()
      const reason = new Error('changed my mind')
      const aborted = listener.accept({ signal: controller.signal })
      controller.abort(reason)
      await assert.rejects(f.wait('abort', aborted), { name: 'AbortError', code: 'ABORT_ERR', cause: reason })
      await assert.rejects(f.wait('abort', listener.accept({ signal: controller.signal })), { name: 'AbortError' })
      await assert.rejects(f.wait('timeout', listener.accept({ timeout: 50 })), { code: 'ETIMEDOUT' })
      const [near, far] = await Promise.all([f.connect(addressOf(listener)), f.accept(listener)])
      await assertTalk(f, near, far, 'after all that')
    },
  },
  {
    name: 'an abort at any moment loses no connection: accept has it, or the next one gets it',
    when: isConnected,
    run: async (f) => {
      const listener = await f.listen()
      for (let steps = 0; steps < 12; steps += 1) {
        const controller = new AbortController()
        const accepting = listener.accept({ signal: controller.signal }).catch((error: Error) => {
          assert.equal(error.name, 'AbortError')
        })
        const acceptAnyway = async () => {
          for (let i = 0; i < steps; i += 1) await null
          controller.abort()
          const early = await f.wait('accept', accepting)
          return early === undefined ? f.accept(listener) : f.track(early)
        }
        const [near, far] = await Promise.all([f.connect(addressOf(listener)), acceptAnyway()])
        await assertTalk(f, near, far, `aborted after ${steps} steps`)
        await f.close(near, far)
      }
    },
  },
]
