/** Says on the terminal what is being done, on one line that the next takes over. */
export function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
