const AT_A_TIME = 100

/** So many connections, some at a time, so that the listener's backlog is never full. */
export async function openMany(count, open) {
  const sockets = []
  while (sockets.length < count) {
    const missing = Math.min(AT_A_TIME, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: missing }, open))))
  }
  return sockets
}
