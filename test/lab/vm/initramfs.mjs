// The guest's first root: a shell, the modules it takes to reach the host's files, to have Bluetooth and a bad link, and
// the guest's scripts. It is not compressed: the emulated CPU would take longer to unpack it than to read it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { characterDevice, cpio, file, folder } from './cpio.mjs'

const guest = join(import.meta.dirname, '../guest')

const needed = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay']

/** bluetoothd and the kernel's pairing use the crypto modules. Loaded late they cost the first controller its reset. */
const bluetooth = [
  'drbg',
  'af_alg',
  'algif_hash',
  'algif_skcipher',
  'aes_generic',
  'cmac',
  'ecb',
  'bluetooth',
  'rfcomm',
]
const virtual = ['bnep', 'hci_vhci', 'uhid']

/** A link that loses, duplicates and delays: tc-netem(8). */
const network = ['sch_netem']

/**
 * @param {string} cache
 * @param {string} version of the kernel
 * @param {string} modules the folder for /lib/modules
 * @returns {string} the path of the image
 */
export function initramfs(cache, version, modules) {
  const scripts = guestScripts()
  const path = join(cache, version, `initramfs-${key(scripts)}`)
  if (existsSync(path)) return path
  const image = cpio([
    ...['bin', 'dev', 'proc', 'sys', 'modules', 'lab', 'lab/bin'].map(folder),
    characterDevice('dev/console', 5, 1),
    file('bin/busybox', readFileSync('/bin/busybox'), 0o755),
    ...scripts,
    ...moduleFiles(version, modules),
  ])
  const part = `${path}.${process.pid}`
  writeFileSync(part, image)
  renameSync(part, path)
  return path
}

function guestScripts() {
  const script = (/** @type {string} */ from, /** @type {string} */ to) =>
    file(to, readFileSync(join(guest, from)), 0o755)
  const tools = readdirSync(join(guest, 'bin')).sort()
  return [
    script('init', 'init'),
    script('start', 'lab/start'),
    ...tools.map((name) => script(`bin/${name}`, `lab/bin/${name}`)),
  ]
}

/** A changed script or a changed way of building makes another image. @param {import('./cpio.mjs').Entry[]} scripts */
function key(scripts) {
  const hash = createHash('sha256').update(readFileSync(import.meta.filename))
  for (const { path, content = '' } of scripts) hash.update(path).update(content)
  return hash.digest('hex').slice(0, 16)
}

/** Named so that their order is the order to load them in. @param {string} version @param {string} modules */
function moduleFiles(version, modules) {
  return loadOrder(version, modules).map((path, index) => {
    const number = String(index).padStart(2, '0')
    return file(`modules/${number}-${basename(path).replace(/\.ko.*$/, '.ko')}`, moduleContent(path))
  })
}

/** @param {string} version @param {string} modules @returns {string[]} */
function loadOrder(version, modules) {
  const wanted = [...needed, ...bluetooth, ...virtual, ...network]
  const root = join(modules, '../..')
  const args = ['-d', root, '-S', version, '--show-depends', '-a', ...wanted]
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
  const lines = execFileSync('modprobe', args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 2] }).split('\n')
  return [...new Set(lines.flatMap((line) => /^insmod (\S.*?)\s*$/.exec(line)?.[1] ?? []))]
}

/** Unpacked: the insmod of busybox reads no .xz. @param {string} path */
function moduleContent(path) {
  if (!path.endsWith('.xz')) return readFileSync(path)
  return execFileSync('xz', ['-dc', path], { maxBuffer: 64 * 1024 * 1024 })
}
