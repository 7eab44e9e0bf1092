/**
 * A client that never stops asking, in one file without dependencies, so that it runs in any image with Node 24. Half of its
 * requests are POSTs on connections that stay open, half are GETs on connections of their own. Each second it prints what it has
 * sent and what went wrong, as a line of JSON; told to end, it waits for what is under way, prints once more, and ends.
 *
 * Environment: URL, RATE (requests a second).
 */
import { Agent, request } from 'node:http'

const { URL: url = 'http://127.0.0.1/', RATE = '50' } = process.env
const PATIENCE_MS = 10_000
const kept = new Agent({ keepAlive: true, maxSockets: 8 })
const apart = new Agent({ keepAlive: false })

let sent = 0
let underWay = 0
/** Answers by who gave them. */
let answered: Record<string, number> = {}
let failed: string[] = []

function ask(): void {
  const posts = sent++ % 2 === 0
  const asked = new Date().toISOString()
  underWay++
  const fail = (what: string) => failed.push(`${asked} ${posts ? 'POST' : 'GET'} ${what}`)
  const one = request(url, { method: posts ? 'POST' : 'GET', agent: posts ? kept : apart, timeout: PATIENCE_MS })
  one.on('timeout', () => one.destroy(new Error(`nothing for ${PATIENCE_MS} ms`)))
  one.on('response', response => {
    const { statusCode = 0, headers } = response
    const name = String(headers['x-echo-pod'] ?? '').replace(/-[a-z0-9]+-[a-z0-9]+$/, '')
    if (statusCode === 200) answered[name] = (answered[name] ?? 0) + 1
    else fail(`${statusCode} ${headers['x-smi-reason'] ?? ''}`)
    response.on('error', error => fail(String(error)))
    response.resume()
  })
  one.on('error', error => fail(String(error)))
  one.on('close', () => underWay--)
  one.end(posts ? 'once and no more' : undefined)
}

function report(): void {
  console.log(JSON.stringify({ sent, answered, failed }))
  answered = {}
  failed = []
}

const asking = setInterval(ask, 1000 / Number(RATE))
const reporting = setInterval(report, 1000)
process.once('SIGTERM', () => {
  clearInterval(asking)
  clearInterval(reporting)
  setInterval(() => {
    if (underWay > 0) return
    report()
    process.exit(0)
  }, 20)
})
