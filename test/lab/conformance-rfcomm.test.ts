import { testFromEverywhere } from './from-everywhere.ts'

testFromEverywhere('rfcomm')
