import nodeDgram from 'node:dgram'
import nodeNet from 'node:net'
import { describe, expect, test } from 'vitest'
import * as ourDgram from '../../src/dgram.ts'
import ourNet from '../../src/net.ts'
import { given, scheme } from '../support/need.ts'
import type { Dgram } from './dgram-scenarios.ts'
import type { Net } from './side-by-side.ts'

interface Words {
  readonly text: string
  readonly name: string
  readonly code: string | undefined
}

/** What a program that prints the error shows. */
function wordsOf(error: unknown): Words {
  const { name, code } = error as NodeJS.ErrnoException
  return { text: String(error), name, code }
}

function wordsOfMisuse(misuse: () => unknown): Words {
  try {
    misuse()
  } catch (error) {
    return wordsOf(error)
  }
  throw new Error('nothing was thrown')
}

const anything = (value: unknown): never => value as never

describe('misuse is told in the words of', () => {
  const ofNet: Readonly<Record<string, (net: Net) => unknown>> = {
    'a port of no type of a port': (net) => net.connect({ port: anything({}) }),
    'a port out of range': (net) => net.connect({ port: 99_999 }),
    'a descriptor out of range': (net) => new net.Socket({ fd: 2 ** 33 }),
    'a mode that a socket has not': (net) => new net.Socket(anything({ objectMode: true })),
    'a timeout that is a text': (net) => new net.Socket().setTimeout(anything('x')),
    'nowhere to connect to': (net) => net.connect(anything({})),
  }
  for (const [name, misuse] of Object.entries(ofNet)) {
    test(`node:net: ${name}`, () => {
      expect(wordsOfMisuse(() => misuse(ourNet as unknown as Net))).toEqual(wordsOfMisuse(() => misuse(nodeNet)))
    })
  }

  const ofDgram: Readonly<Record<string, (dgram: Dgram) => unknown>> = {
    'a type that is none': (dgram) => dgram.createSocket(anything('udp5')),
    'a size out of range': (dgram) => dgram.createSocket({ type: 'udp4', recvBufferSize: 2 ** 33 }),
    'a size that is no whole number': (dgram) => dgram.createSocket({ type: 'udp4', sendBufferSize: 1.5 }),
    'a signal that is none': (dgram) => dgram.createSocket({ type: 'udp4', signal: anything({}) }),
  }
  for (const [name, misuse] of Object.entries(ofDgram)) {
    test(`node:dgram: ${name}`, () => {
      expect(wordsOfMisuse(() => misuse(ourDgram as unknown as Dgram))).toEqual(wordsOfMisuse(() => misuse(nodeDgram)))
    })
  }

  given(scheme('udp'))('node:dgram: a message too long for the peer of a connected socket', async () => {
    const sendTooMuch = async ({ createSocket }: Dgram): Promise<Words> => {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.connect(9, '127.0.0.1', resolve))
      const error = await new Promise((resolve) => socket.send(Buffer.alloc(70_000), resolve))
      socket.close()
      return wordsOf(error)
    }
    expect(await sendTooMuch(ourDgram as unknown as Dgram)).toEqual(await sendTooMuch(nodeDgram))
  })
})
