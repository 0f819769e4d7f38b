// This terminal becomes the guest's: each key goes to it as it is pressed, and the size follows.

/** Ctrl-], as with telnet: the way out of a guest that no longer answers. */
const hangUpKey = 0x1d

/** @param {import('./session.mjs').Session} session @returns {() => void} gives the terminal back */
export function connectTerminal(session) {
  const { stdin, stdout } = process
  const { terminal } = session.machine
  /** @param {import('node:buffer').Buffer} keys */
  const onKeys = (keys) => {
    if (keys.includes(hangUpKey)) session.kill('SIGINT')
    else terminal.write(keys)
  }
  const onResize = () => session.send(`size rows ${stdout.rows} cols ${stdout.columns}`)
  session.passOn(terminal, stdout)
  stdin.setRawMode(true)
  stdin.on('data', onKeys)
  stdin.resume()
  stdout.on('resize', onResize)
  return () => {
    stdin.setRawMode(false)
    stdin.off('data', onKeys)
    stdin.pause()
    stdout.off('resize', onResize)
  }
}
