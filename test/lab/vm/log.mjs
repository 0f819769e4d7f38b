/** What the lab itself has to say goes to stderr: stdout is the command's. @param {string} text */
export function log(text) {
  process.stderr.write(`lab: ${text}\n`)
}
