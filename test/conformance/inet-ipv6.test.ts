import { testOverIPv6 } from './run.ts'

testOverIPv6('kernel')
