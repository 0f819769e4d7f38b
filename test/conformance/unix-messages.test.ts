import { builtin, testFamily } from './run.ts'

testFamily('unix messages, kernel engine', builtin('unix'), { engine: 'kernel', schemes: ['unixgram', 'unixpacket'] })
