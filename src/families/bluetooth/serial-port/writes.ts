import { Turns } from '../driver/turns.ts'

/**
 * The driver has one queue of writes for the whole process, and each new connection begins it anew, losing what is in it. So
 * writes are handed over one at a time, and a connection is made while there is none.
 */
export const writes: Turns = new Turns()
