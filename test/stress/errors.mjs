// Which errors may come of what the stress does.

/** The system's, and ours. EBADF, EMFILE and EINVAL are not among them: they tell of descriptors that are not what they were. */
const expected = new Set([
  'EAGAIN',
  'EADDRINUSE',
  'ECONNREFUSED',
  'ECONNRESET',
  'EDESTADDRREQ',
  'EMSGSIZE',
  'ENOENT',
  'ENOTCONN',
  'EPIPE',
  'ERR_QUEUE_FULL',
  'ERR_SOCKET_CLOSED',
  'ETIMEDOUT',
  'ETOOMANYREFS',
])

/** Those of Node's streams: writes after the end, and what waits when a stream is destroyed. */
const ofStreams = new Set(['ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_PREMATURE_CLOSE'])

/** @returns {string | undefined} what is wrong with the error; `undefined` for one that may be */
export function complaintOf(error, { AbortError, SocketError }) {
  if (error instanceof AbortError || ofStreams.has(error?.code)) return undefined
  if (!(error instanceof SocketError)) return `no SocketError, but ${error?.stack ?? error}`
  return expected.has(error.code) ? undefined : `an error that nothing explains: ${error.stack}`
}
