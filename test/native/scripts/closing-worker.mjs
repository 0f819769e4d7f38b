// A worker that has always asked for callbacks that have not come yet.
import { parentPort } from 'node:worker_threads'
import { addon } from './addon.mjs'

const again = () => addon.tellClosed(again)
for (let i = 0; i < 100; i++) again()
parentPort.postMessage('begun')
