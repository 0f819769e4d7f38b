import { builtin, testFamily } from './run.ts'

testFamily('inet, node engine', builtin('inet'), { engine: 'node' })
