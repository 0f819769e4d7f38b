import { expect } from 'vitest'
import { type Address, type DatagramEndpoint, formatAddress, toSocat } from '../../src/index.ts'
import { Child } from './child.ts'
import { eventually } from './resources.ts'

/** `-t 10`: how long socat waits for the other direction after one has ended; half a second by itself. */
export const start = (...addresses: string[]): Child => new Child('socat', ['-t', '10', ...addresses])

/** socat as a user runs it: the line of `toSocat` pasted into a shell. */
export const paste = (address: Address): Child => new Child('/bin/sh', ['-c', `exec socat -t 10 - ${toSocat(address)}`])

/** Starts a socat that listens, and waits until it does: with `-d -d` it says so, port included. */
export async function startListening(address: string, command = 'EXEC:cat'): Promise<{ child: Child; port: number }> {
  const child = start('-d', '-d', address, command)
  const ready = await eventually(() => /listening on|receiving on/.test(child.stderr))
  if (!ready) throw new Error(`socat does not listen: ${child.stderr}`)
  return { child, port: Number(/(?:listening|receiving) on .*?:(\d+)$/m.exec(child.stderr)?.[1]) }
}

/** Lets socat send one message and get the answer on its stdout; returns the address that it came from. */
export async function answerOne(endpoint: DatagramEndpoint, child: Child): Promise<string | undefined> {
  await using _ = child
  child.stdin.write('ping')
  const message = await endpoint.receive({ timeout: 10_000 })
  expect(String(message?.data)).toBe('ping')
  await endpoint.send('PONG\n', message?.from)
  expect(await child.line()).toBe('PONG')
  return message?.from && formatAddress(message.from)
}
