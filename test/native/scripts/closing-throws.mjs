// Two callbacks, one of which throws.
import { addon } from './addon.mjs'

process.on('uncaughtException', (error) => console.log('uncaught:', error.message))
addon.tellClosed(() => {
  throw new Error('mine')
})
addon.tellClosed(() => console.log('the other'))
