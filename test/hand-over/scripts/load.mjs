// Clients without mercy: each asks again as soon as it was answered, half of them by a connection that they keep and
// half by a new one each time. Nothing is tried twice. Arguments: how many, and where: a port or a path. A line on
// stdin stops them, and what they have seen is reported.
import { Agent, request } from 'node:http'

const [count, where] = process.argv.slice(2)
const place = where.startsWith('/') ? { socketPath: where } : { host: '127.0.0.1', port: Number(where) }
const answers = {}
const failures = []
let isOver = false

const ask = (agent) =>
  new Promise((resolve, reject) => {
    const sent = request({ ...place, agent, method: 'POST' }, async (response) => {
      try {
        const chunks = []
        for await (const chunk of response) chunks.push(chunk)
        resolve(Buffer.concat(chunks).toString())
      } catch (error) {
        reject(error)
      }
    })
    sent.on('error', reject)
    sent.end('question')
  })

const client = async (index) => {
  const agent = index % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : new Agent()
  while (!isOver) {
    try {
      const answer = await ask(agent)
      answers[answer] = (answers[answer] ?? 0) + 1
    } catch (error) {
      failures.push(`${error.code} ${error.message}`)
    }
  }
  agent.destroy()
}

process.stdin.once('data', () => {
  isOver = true
  process.stdin.destroy()
})
const clients = Array.from({ length: Number(count) }, (_, index) => client(index))
console.log(JSON.stringify({ started: true }))
await Promise.all(clients)
console.log(JSON.stringify({ answers, failures }))
