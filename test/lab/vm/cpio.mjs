// Archives in the format "newc", which the kernel unpacks as its first root: Documentation/driver-api/early-userspace
// in the kernel's source. Written here, since making a device node or a file of root's takes root with cpio(1).
import { Buffer } from 'node:buffer'

/**
 * @typedef {object} Entry
 * @property {string} path without a leading slash
 * @property {number} mode type and permissions, as in stat(2)
 * @property {Uint8Array} [content]
 * @property {[major: number, minor: number]} [device]
 */

/** @param {Entry[]} entries folders before what is in them @returns {Buffer} */
export function cpio(entries) {
  const records = entries.map((entry, index) => record(entry, index + 1))
  return Buffer.concat([...records, record({ path: 'TRAILER!!!', mode: 0 }, 0)])
}

/** @param {string} path @returns {Entry} */
export function folder(path) {
  return { path, mode: 0o040755 }
}

/** @param {string} path @param {Uint8Array} content @param {number} [permissions] @returns {Entry} */
export function file(path, content, permissions = 0o644) {
  return { path, mode: 0o100000 | permissions, content }
}

/** @param {string} path @param {number} major @param {number} minor @returns {Entry} */
export function characterDevice(path, major, minor) {
  return { path, mode: 0o020600, device: [major, minor] }
}

/** @param {Entry} entry @param {number} inode */
function record({ path, mode, content = new Uint8Array(0), device = [0, 0] }, inode) {
  const name = Buffer.from(`${path}\0`)
  const owner = [0, 0]
  const links = 1
  const time = 0
  const fields = [inode, mode, ...owner, links, time, content.length, 0, 0, ...device, name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(content)])
}

/** @param {Uint8Array} bytes */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}
