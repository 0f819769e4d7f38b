import { fileURLToPath } from 'node:url'
import { connect, listen } from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { type Need, program } from '../support/need.ts'
import { eventually } from '../support/resources.ts'

export const socketActivate: Need = program('systemd-socket-activate', ['--version'], 'apt-get install systemd')

export const service: string = fileURLToPath(new URL('scripts/service.mjs', import.meta.url))

/**
 * Starts systemd-socket-activate, which opens the sockets, and the command, our service, with the first client that
 * comes.
 */
export async function activate(
  args: readonly string[],
  sockets: number,
  command: readonly string[] = [process.execPath, service],
): Promise<Child> {
  const child = new Child('systemd-socket-activate', [...args, ...command])
  const isListening = (): boolean => child.stderr.split('Listening on ').length === sockets + 1
  if (await eventually(isListening)) return child
  await child[Symbol.asyncDispose]()
  throw new Error(`systemd-socket-activate does not listen: ${child.stderr}`)
}

/** What a stream server answers to one line. */
export async function askStream(address: string, question: string): Promise<string> {
  await using endpoint = await connect(address as `unix:${string}`)
  endpoint.write(question)
  const chunks: Buffer[] = []
  for await (const chunk of endpoint) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A port that nobody has. */
export async function freePort(): Promise<number> {
  await using listener = await listen('tcp://127.0.0.1:0')
  return (listener.address as { port: number }).port
}
