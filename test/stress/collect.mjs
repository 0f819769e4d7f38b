// Forced collections, without a flag on the command line.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** A full collection; finalizers follow in later turns of the loop. @type {() => void} */
export const collect = runInNewContext('gc')
