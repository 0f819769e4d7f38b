import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Child } from '../support/child.ts'

/** A virtual controller of the guest's, up and connectable. */
export interface Controller {
  /** `hci0` */
  readonly id: string
  /** `00:AA:01:00:00:42` */
  readonly address: string
}

/** The controllers that there are, in the order of their numbers. */
export function controllers(): Controller[] {
  const output = execFileSync('hciconfig', { encoding: 'utf8' })
  const found = [...output.matchAll(/^(hci\d+):.*?BD Address: ([0-9A-F:]{17})/gms)]
  return found
    .map(([, id, address]) => ({ id: id as string, address: address as string }))
    .sort((a, b) => Number(a.id.slice(3)) - Number(b.id.slice(3)))
}

/**
 * Starts the emulation anew with this many controllers, 2 or another even number: whatever a test did to them is undone.
 * Between more than 2 of them links are made, without which they cannot all talk to each other at a time.
 */
export function restartControllers(count: number, links: 'linked' | 'unlinked' = 'linked'): Controller[] {
  execFileSync('lab-controllers', [String(count)])
  if (count > 2 && links === 'linked') execFileSync('lab-links')
  return controllers()
}

export function atLeastControllers(count: number): Controller[] {
  const present = controllers()
  return present.length >= count ? present : restartControllers(count)
}

/** Two controllers, the first being where the tests listen. */
export function pairOfControllers(): { readonly near: Controller; readonly far: Controller } {
  const [far, near] = atLeastControllers(2) as [Controller, Controller]
  return { near, far }
}

export interface PeerOptions {
  readonly role: 'connect' | 'listen'
  readonly scheme: 'rfcomm' | 'l2cap'
  readonly local: string
  readonly remote?: string
  readonly port: number
  readonly mode: 'echo' | 'send' | 'receive' | 'duplex' | 'fill' | 'hold' | 'ping'
  readonly bytes?: number
  readonly size?: number
  readonly clients?: number
}

/** Starts `peers/socket_peer.py`, which reports in lines of JSON. */
export function startPeer(options: PeerOptions): Child {
  return startScript('socket_peer.py', JSON.stringify(options))
}

/** Starts a script of `peers/`. */
export function startScript(name: string, ...args: readonly string[]): Child {
  const path = fileURLToPath(new URL(`peers/${name}`, import.meta.url))
  if (!existsSync(path)) throw new Error(`there is no ${path}`)
  return new Child('python3', [path, ...args])
}
