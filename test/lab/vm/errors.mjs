/** The exit codes that are the lab's own; any other is the command's. Docker's and timeout(1)'s are alike. */
export const USAGE = 2
export const NOT_INSTALLED = 3
export const TIMED_OUT = 124
export const LAB_FAILED = 125

/** What the user can read and act on; anything else that is thrown is a mistake in the lab. */
export class LabError extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode) {
    super(message)
    this.name = 'LabError'
    this.exitCode = exitCode
  }
}
