/** Runtimes that load Node-API addons but have no libuv event loop: their key in `process.versions`, and their name. */
const WITHOUT_LIBUV: Readonly<Record<string, string>> = { bun: 'Bun', deno: 'Deno' }

/**
 * The runtime, where it is one in which the addon cannot wait for a socket. Bun ends the process at the first call of
 * `uv_poll_init`, Deno crashes at the first event.
 */
export function runtimeWithoutLibuv(versions: Readonly<Record<string, string | undefined>>): string | undefined {
  const [, name] = Object.entries(WITHOUT_LIBUV).find(([key]) => versions[key] !== undefined) ?? []
  return name
}
