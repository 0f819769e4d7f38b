// Ends by itself, or does not. Arguments: directory, engine, and what is left open.
import { bind, connect, createConnection, listen } from 'polysocket'

const [directory, engine, what] = process.argv.slice(2)
const path = `${directory}/socket`
const pair = async () => {
  const listener = await listen(`unix:${path}`, { engine })
  const client = await connect(`unix:${path}`, { engine })
  return [client, await listener.accept(), listener]
}

const cases = {
  'everything closed': async () => {
    const [client, accepted, listener] = await pair()
    const udp = await bind('udp://127.0.0.1:0', { engine })
    await Promise.all([client[Symbol.asyncDispose](), accepted[Symbol.asyncDispose](), listener.close(), udp.close()])
  },
  'everything unreferenced': async () => {
    for (const socket of await pair()) socket.unref()
    const udp = await bind('udp://127.0.0.1:0', { engine })
    udp.unref()
    void udp.receive()
  },
  'both ends ended': async () => {
    const [client, accepted, listener] = await pair()
    accepted.on('data', (data) => process.stdout.write(data)).on('end', () => accepted.end())
    client.resume().end('the last word')
    await listener.close()
  },
  'an error without a listener': async () => {
    createConnection(`unix:${directory}/missing`, { engine })
  },
  'an error in a promise without a handler': async () => {
    void connect(`unix:${directory}/missing`, { engine })
  },
  'an open listener': async () => {
    await listen(`unix:${path}`, { engine })
  },
  'an open endpoint': async () => {
    const [client, accepted, listener] = await pair()
    accepted.unref()
    client.ref()
    await listener.close()
  },
  'an endpoint that receives': async () => {
    const udp = await bind('udp://127.0.0.1:0', { engine })
    void udp.receive()
  },
}

await cases[what]()
