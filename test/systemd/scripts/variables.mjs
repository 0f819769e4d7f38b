// Reports what listenFds gives for the environment that it was started with: names and kinds, the text of files, or the
// error. With `again=NAME:VALUE` as its argument it then sets that variable and tries once more, as after a mistake.
import { closeSync, readFileSync } from 'node:fs'
import { listenFds } from 'polysocket/systemd'

const attempt = () => {
  try {
    const fds = listenFds()
    return fds.all.map(({ name, kind, fd, socket }) => {
      if (kind !== 'file') {
        socket.close()
        return { name, kind }
      }
      const text = readFileSync(fd, 'utf8')
      closeSync(fd)
      return { name, kind, text }
    })
  } catch ({ code, message }) {
    return { code, message, kept: process.env.LISTEN_FDS !== undefined }
  }
}
console.log(JSON.stringify(attempt()))
const [, name, value] = /^again=(\w+):(.*)$/.exec(process.argv[2] ?? '') ?? []
if (name !== undefined) {
  process.env[name] = value
  console.log(JSON.stringify(attempt()))
}
