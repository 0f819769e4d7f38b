import { builtin, testFamily } from './run.ts'

testFamily('memory', builtin('memory'))
