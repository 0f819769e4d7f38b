import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { controllers } from './support.ts'

const run = promisify(execFile)

const echo = `
import socket, sys, threading
server_address, client_address = sys.argv[1:]
def rfcomm():
    return socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
server = rfcomm()
server.bind((server_address, 5))
server.listen(1)
def serve():
    peer, _ = server.accept()
    peer.sendall(peer.recv(100).upper())
    peer.recv(1)
threading.Thread(target=serve, daemon=True).start()
client = rfcomm()
client.bind((client_address, 0))
client.settimeout(30)
client.connect((server_address, 5))
client.sendall(b'through the air')
print(client.recv(100).decode(), end='')
client.close()
`

const listObjects = [
  ...['--system', '--print-reply', '--dest=org.bluez', '/'],
  'org.freedesktop.DBus.ObjectManager.GetManagedObjects',
]

test('the machine is Linux with Bluetooth sockets', async () => {
  const protocols = await readFile('/proc/net/protocols', 'utf8')
  expect(protocols.match(/^(RFCOMM|L2CAP|HCI)\b/gm)?.sort()).toEqual(['HCI', 'L2CAP', 'RFCOMM'])
})

test('two controllers are up and reach each other', async () => {
  const { stdout } = await run('lab-controllers', ['2'])
  const addresses = stdout.match(/(?:[0-9A-F]{2}:){5}[0-9A-F]{2}/g) ?? []
  expect(new Set(addresses).size).toBe(2)
  const answer = await run('python3', ['-c', echo, ...addresses])
  expect(answer.stdout).toBe('THROUGH THE AIR')
})

test('bluetoothd has both controllers, and leaves none behind', async () => {
  const ids = controllers().map(({ id }) => id)
  expect(ids).toHaveLength(2)
  await run('lab-bluetoothd', ['start', '--compat'])
  const { stdout } = await run('dbus-send', listObjects)
  await run('lab-bluetoothd', ['stop'])
  for (const id of ids) expect(stdout).toContain(`"/org/bluez/${id}"`)
  await expect(run('lab-bluetoothd', ['start', '--no-such-option'])).rejects.toThrow('did not bring up')
  await run('lab-bluetoothd', ['stop'])
})
