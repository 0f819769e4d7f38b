import { builtin, testFamily } from './run.ts'

testFamily('inet, kernel engine', builtin('inet'), { engine: 'kernel' })
