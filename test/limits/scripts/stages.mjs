// Brings sockets to one stage of their life. Shared by the scripts that then let the process or the worker end there.
import { bind, connect, createConnection, listen, socketpair } from 'polysocket'

/** Each resolves when the stage is reached; `then` is what is to happen there. */
const stages = {
  listening: async ({ path, engine }, then) => {
    await listen(`unix:${path}`, { engine })
    then()
  },
  connecting: async ({ path, engine }, then) => {
    await listen(`unix:${path}`, { engine })
    createConnection(`unix:${path}`, { engine })
    void connect('tcp://127.0.0.1:1', { engine }).catch(() => undefined)
    then()
  },
  accepting: async ({ path, engine }, then) => {
    const listener = await listen(`unix:${path}`, { engine })
    void listener.accept().catch(() => undefined)
    then()
  },
  'in a connection handler': async ({ path, engine }, then) => {
    const listener = await listen(`unix:${path}`, { engine })
    listener.on('connection', then)
    await connect(`unix:${path}`, { engine })
  },
  connected: async (options, then) => {
    await pair(options)
    then()
  },
  'in the middle of a write': async (options, then) => {
    const [client] = await pair(options)
    client.on('error', () => undefined)
    client.write(Buffer.alloc(64 * 1024 * 1024))
    setTimeout(then, 50)
  },
  'in a data handler': async (options, then) => {
    const [client, accepted] = await pair(options)
    accepted.on('data', then)
    client.write('x')
  },
  'in an end handler': async (options, then) => {
    const [client, accepted] = await pair(options)
    accepted.resume().on('end', then)
    client.end('x')
  },
  'in a close handler': async (options, then) => {
    const [client] = await pair(options)
    client.on('close', then)
    client.destroy()
  },
  'half closed': async (options, then) => {
    const [client, accepted] = await pair({ ...options, allowHalfOpen: true })
    accepted.resume().on('end', then)
    client.end('x')
  },
  closed: async (options, then) => {
    const [client, accepted, listener] = await pair(options)
    client.destroy()
    accepted.destroy()
    await listener.close()
    then()
  },
  'after a reset': async (options, then) => {
    const [client, accepted] = await pair(options)
    client.on('error', () => undefined)
    accepted.resetAndDestroy()
    then()
  },
  'receiving messages': async ({ engine }, then) => {
    const endpoint = await bind('udp://127.0.0.1:0', { engine })
    void endpoint.receive()
    then()
  },
  'in a message handler': async ({ engine }, then) => {
    const endpoint = await bind('udp://127.0.0.1:0', { engine })
    endpoint.on('message', then)
    await endpoint.send('x', endpoint.local)
  },
  'forgotten sockets': async (options, then) => {
    await pair(options)
    await bind('udp://127.0.0.1:0', { engine: options.engine })
    then()
  },
}

/** Those that only the kernel engine has. */
const kernelStages = {
  'messages wait to be sent': async ({ path }, then) => {
    await bind(`unixgram:${path}`)
    const sender = await connect(`unixgram:${path}`)
    for (let index = 0; index < 500; index++) sender.send('x').catch(() => undefined)
    setTimeout(then, 20)
  },
  'in a message handler of a pair': async (_, then) => {
    const [one, two] = socketpair('unixpacket')
    two.on('message', then)
    await one.send('x')
  },
  'in an end handler of a pair': async (_, then) => {
    const [one, two] = socketpair('unixpacket')
    two.on('end', then)
    two.resume()
    await one.close()
  },
}

async function pair({ path, engine, allowHalfOpen = false }) {
  const listener = await listen(`unix:${path}`, { engine, allowHalfOpen })
  const client = await connect(`unix:${path}`, { engine, allowHalfOpen })
  return [client, await listener.accept(), listener]
}

export const stagesOf = (engine) => (engine === 'kernel' ? { ...stages, ...kernelStages } : stages)
