import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import type { ListenOptions, OpenOptions } from '../core/options.ts'
import { always, type CaseDefinition, isConnected, isConnectionless, isDatagram, isReliableDatagram } from './case.ts'
import { type AnyListener, addressOf, asDatagram, asStream, type Endpoint, type Fixture } from './fixture.ts'
import { assertTalk } from './listeners.ts'
import { assertSameMessages, fill, posting, receiveMany, receiveOne } from './messages.ts'
import { datagramPair, deserted } from './pair.ts'
import { delay, meanwhile, settlesWithin } from './waiting.ts'

/** How many microtasks to wait before aborting: enough to fall on each side of whatever connect does at once. */
const STEPS = 24

const reason = new Error('changed my mind')
const isAbort = { name: 'AbortError', code: 'ABORT_ERR', cause: reason }

function abortedSignal(): AbortSignal {
  return AbortSignal.abort(reason)
}

async function connectOrAbort(f: Fixture, address: Address, options: OpenOptions): Promise<Endpoint | undefined> {
  try {
    return await f.connect(address, options)
  } catch (error) {
    assert.equal((error as Error).name, 'AbortError', String(error))
    return undefined
  }
}

/** `undefined` when it was aborted. What was given up before may still be on its way to being closed. */
async function listenWhenFree(f: Fixture, address: Address, options: ListenOptions): Promise<AnyListener | undefined> {
  for (;;) {
    try {
      return await f.listen(options, address)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ABORT_ERR') return undefined
      if (code !== 'EADDRINUSE') throw error
      await f.wait('the address to be free', delay(10))
    }
  }
}

/** Signals and timeouts, at every stage. */
export const cancellation: readonly CaseDefinition[] = [
  {
    name: 'connect with a signal that has fired already is an AbortError with the reason as its cause',
    when: always,
    run: async (f) => {
      const address = await deserted(f)
      await assert.rejects(f.wait('connect', f.connect(address, { signal: abortedSignal() })), isAbort)
    },
  },
  {
    name: 'listen with a signal that has fired already is an AbortError, and holds nothing',
    when: isConnected,
    run: async (f) => {
      const address = await deserted(f)
      await assert.rejects(f.wait('listen', f.listen({ signal: abortedSignal() }, address)), isAbort)
      await f.listen({}, address)
    },
  },
  {
    name: 'bind with a signal that has fired already is an AbortError, and holds nothing',
    when: isConnectionless,
    run: async (f) => {
      const address = await deserted(f)
      await assert.rejects(f.wait('bind', f.bind({ signal: abortedSignal() }, address)), isAbort)
      await f.bind({}, address)
    },
  },
  {
    name: 'an abort at any moment of listen comes too late, or leaves the address free soon',
    when: isConnected,
    run: async (f) => {
      const address = await deserted(f)
      for (let steps = 0; steps < STEPS; steps += 1) {
        const controller = new AbortController()
        const listening = meanwhile(listenWhenFree(f, address, { signal: controller.signal }))
        for (let i = 0; i < steps; i += 1) await null
        controller.abort()
        const listener = await f.wait('listen', listening)
        if (listener === undefined) continue
        const [near, far] = await Promise.all([f.connect(address), f.accept(listener)])
        await assertTalk(f, near, far, `aborted after ${steps} steps`)
        await f.close(near, far, listener)
      }
      assert.ok((await listenWhenFree(f, address, {})) !== undefined)
    },
  },
  {
    name: 'an abort at any moment of connect gives an AbortError or an endpoint that works',
    when: isConnected,
    run: async (f) => {
      f.expectErrors()
      const listener = await f.listen()
      const heard = new Set<string>()
      listener.on('connection', (endpoint) => hear(f, f.track(endpoint), heard))
      for (let steps = 0; steps < STEPS; steps += 1) {
        const controller = new AbortController()
        const connecting = connectOrAbort(f, addressOf(listener), { signal: controller.signal })
        for (let i = 0; i < steps; i += 1) await null
        controller.abort()
        const near = await f.wait('connect', connecting)
        if (near === undefined) continue
        const text = `aborted after ${steps} steps;`
        if (f.facts.kind === 'stream') asStream(near).write(text)
        else await f.wait('send', asDatagram(near).send(text))
        while (![...heard].some((said) => said.includes(text)))
          await f.wait(`an endpoint ${text} to be heard`, delay(5))
      }
    },
  },
  {
    name: 'a connection that does not come about: abort and timeout end the wait',
    when: isConnected,
    run: async (f) => {
      // Nobody accepts, and the backlog is full: on some families connect now waits, on others it is refused or succeeds.
      const listener = await f.listen({ backlog: 1 })
      const address = addressOf(listener)
      for (let i = 0; i < 8; i += 1) {
        const controller = new AbortController()
        const connecting = meanwhile(f.connect(address, { signal: controller.signal }))
        if (await settlesWithin(connecting, 150)) continue
        controller.abort(reason)
        await assert.rejects(f.wait('abort', connecting), isAbort)
        const late = f.connect(address, { timeout: 100 })
        await assert.rejects(f.wait('timeout', late), { code: 'ETIMEDOUT', name: 'SocketError' })
        return
      }
    },
  },
  {
    name: 'createConnection heeds its signal: an AbortError, and the stream is closed',
    when: (facts) => facts.kind === 'stream',
    run: async (f) => {
      f.expectErrors()
      const listener = await f.listen()
      const controller = new AbortController()
      const near = f.create(addressOf(listener), { signal: controller.signal })
      const failed = new Promise<Error>((resolve) => near.once('error', resolve))
      const closed = new Promise<void>((resolve) => near.once('close', () => resolve()))
      controller.abort(reason)
      assert.equal((await f.wait("'error'", failed)).name, 'AbortError')
      await f.wait("'close'", closed)
      assert.equal(near.destroyed, true)
    },
  },
  {
    name: 'a signal that fires after success changes nothing, nor does a timeout that was not reached',
    when: always,
    run: async (f) => {
      const controller = new AbortController()
      const options = { signal: controller.signal, timeout: 400 }
      if (f.facts.connected) {
        const listener = await f.listen(options)
        const [near, far] = await Promise.all([f.connect(addressOf(listener), options), f.accept(listener)])
        controller.abort()
        await delay(500)
        await assertTalk(f, near, far, 'unmoved')
        const [again, farAgain] = await Promise.all([f.connect(addressOf(listener)), f.accept(listener)])
        await assertTalk(f, farAgain, again, 'unmoved')
      } else {
        const server = await f.bind(options)
        const client = asDatagram(await f.connect(addressOf(server), options))
        controller.abort()
        await delay(500)
        await assertTalk(f, client, server, 'unmoved')
      }
    },
  },
  {
    name: 'receive heeds its signal and its timeout, and loses no message by it',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      const controller = new AbortController()
      const aborted = far.receive({ signal: controller.signal })
      controller.abort(reason)
      await assert.rejects(f.wait('abort', aborted), isAbort)
      await assert.rejects(f.wait('abort', far.receive({ signal: controller.signal })), isAbort)
      await assert.rejects(f.wait('timeout', far.receive({ timeout: 50 })), { code: 'ETIMEDOUT', name: 'SocketError' })
      await f.wait('send', near.send('after all that', toFar))
      assert.equal((await receiveOne(f, far)).data.toString(), 'after all that')
    },
  },
  {
    name: 'an abort at any moment loses no message: receive has it, or the next one gets it',
    when: isDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f)
      for (let steps = 0; steps < STEPS; steps += 1) {
        const controller = new AbortController()
        const receiving = far.receive({ signal: controller.signal }).catch((error: Error) => {
          assert.equal(error.name, 'AbortError', String(error))
        })
        const sending = meanwhile(near.send(`${steps}`, toFar))
        for (let i = 0; i < steps; i += 1) await null
        controller.abort()
        const early = await f.wait('receive', receiving)
        await f.wait('send', sending)
        const message = early ?? (await receiveOne(f, far))
        assert.equal(message.data.toString(), `${steps}`, `aborted after ${steps} steps`)
      }
    },
  },
  {
    name: 'a send that waits is never sent once it is aborted or late; those behind it are',
    when: isReliableDatagram,
    run: async (f) => {
      const { near, far, toFar } = await datagramPair(f, {}, { receiveQueue: 16 })
      const taken = fill(f, near, toFar)
      const controller = new AbortController()
      const aborted = meanwhile(near.send('aborted', toFar, { signal: controller.signal }))
      const late = meanwhile(near.send('late', toFar, { timeout: 50 }))
      const batch = meanwhile(
        near.sendBatch([posting(Buffer.from('of a batch'), toFar)], { signal: controller.signal }),
      )
      const patient = meanwhile(near.send('patient', toFar))
      await assert.rejects(f.wait('timeout', late), { code: 'ETIMEDOUT', name: 'SocketError' })
      await assert.rejects(f.wait('timeout', near.ready({ timeout: 50 })), { code: 'ETIMEDOUT', name: 'SocketError' })
      controller.abort(reason)
      await assert.rejects(f.wait('abort', aborted), isAbort)
      await assert.rejects(f.wait('abort', batch), isAbort)
      assert.equal(near.queued.outgoing, 1)
      assertSameMessages(f.facts, await f.wait('what was taken', receiveMany(f, far, taken.length)), taken)
      await f.wait('send', patient)
      assert.equal((await receiveOne(f, far)).data.toString(), 'patient')
    },
  },
]

/** Collects what the peer of an accepted endpoint says. */
function hear(f: Fixture, endpoint: Endpoint, heard: Set<string>): void {
  if (f.facts.kind === 'stream') asStream(endpoint).on('data', (chunk: Buffer) => heard.add(chunk.toString()))
  else asDatagram(endpoint).on('message', ({ data }) => heard.add(data.toString()))
}
