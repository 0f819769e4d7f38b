import { builtin, testFamily } from './run.ts'

testFamily('unix streams, kernel engine', builtin('unix'), { engine: 'kernel', schemes: ['unix'] })
// Node's own modules know no Unix datagrams.
testFamily('unix streams, node engine', builtin('unix'), { engine: 'node', schemes: ['unix'] })
