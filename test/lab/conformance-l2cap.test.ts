import { testFromEverywhere } from './from-everywhere.ts'

testFromEverywhere('l2cap')
