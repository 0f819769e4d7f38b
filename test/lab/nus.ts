import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { createSockets, type OpenOptions, type StreamEndpoint } from '../../src/index.ts'
import { bleFamily } from '../families/ble-scripted.ts'
import type { Child } from '../support/child.ts'
import { type Controller, startScript } from './support.ts'

/* noble on one controller, and on the other a device in Python that has the Nordic UART service. */

const sockets = createSockets([bleFamily])

export const connect = (address: string, options: object = {}): Promise<StreamEndpoint> =>
  sockets.connect(address, options as OpenOptions) as Promise<unknown> as Promise<StreamEndpoint>

/** noble takes the controller to itself, for which it must be down. */
export async function giveToNoble({ id }: Controller): Promise<void> {
  execFileSync('hciconfig', [id, 'down'])
  process.env.HCI_CHANNEL_USER = '1'
  process.env.NOBLE_HCI_DEVICE_ID = id.slice('hci'.length)
  await delay(1000)
}

/** A device that says when it is ready, connected, subscribed to, and what came. */
export async function startDevice({ id, address }: Controller, options: object = {}): Promise<Child> {
  const child = startScript('gatt_peripheral.py', JSON.stringify({ controller: Number(id.slice(3)), ...options }))
  expect(await child.report()).toEqual({ ready: address })
  return child
}

/** The device has seen the connection, and what comes with it. */
export async function subscribed(child: Child): Promise<void> {
  expect(await child.report()).toEqual({ connected: true })
  expect(await child.report()).toEqual({ subscribed: true })
}
