const [major = 0, minor = 0] = (process.versions.uv ?? '').split('.').map(Number)

/** Whether Node has libuv 1.`wanted` or a later one; true where it does not say. */
export function isLibuvSince(wanted: number): boolean {
  return major !== 1 || minor >= wanted
}
