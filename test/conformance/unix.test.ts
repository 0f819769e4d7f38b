import { builtin, testFamily } from './run.ts'

testFamily('unix, kernel engine', builtin('unix'), { engine: 'kernel' })
// Node's own modules know no Unix datagrams.
testFamily('unix, node engine', builtin('unix'), { engine: 'node', schemes: ['unix'] })
