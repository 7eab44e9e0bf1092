/**
 * Brokers as they are commonly run: each is called by the DNS name of its pod, one of them leads, and what it takes it copies to
 * all others before it says so. `node broker.ts` serves; `node broker.ts ask <host> <line>` prints an answer. One file without
 * dependencies, as it runs in pods.
 *
 * Lines: HELLO, BROKERS, PRODUCE <text>, REPLICATE <text>, FETCH. Environment: BROKERS (how many), SERVICE (the headless one).
 */
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'

const { BROKERS = '3', SERVICE = 'brokers', HOSTNAME = hostname() } = process.env
const PORT = 9092
const READY_PORT = 8080
const PATIENCE_MS = 5_000

const all = Array.from({ length: Number(BROKERS) }, (_, at) => `${HOSTNAME.replace(/-\d+$/, '')}-${at}.${SERVICE}`)
const own = `${HOSTNAME}.${SERVICE}`
const others = all.filter(name => name !== own)
const log: string[] = []

function ask(host: string, line: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host, port: PORT })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`${host} is silent`)))
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`${host} closed the connection`)))
  createInterface(socket).on('line', answer => {
    resolve(answer)
    socket.destroy()
  })
  socket.write(`${line}\n`)
  return promise
}

async function answer(line: string): Promise<string> {
  const [verb, ...words] = line.split(' ')
  const text = words.join(' ')
  switch (verb) {
    case 'HELLO':
      return HOSTNAME
    case 'BROKERS':
      return all.join(' ')
    case 'FETCH':
      return JSON.stringify(log)
    case 'REPLICATE':
      log.push(text)
      return 'OK'
    case 'PRODUCE': {
      if (all[0] !== undefined && all[0] !== own) return ask(all[0], line)
      const copies = await Promise.all(others.map(host => ask(host, `REPLICATE ${text}`)))
      log.push(text)
      return copies.every(said => said === 'OK') ? 'OK' : `FAILED ${copies.join(' ')}`
    }
    default:
      return `FAILED ${verb} is no verb`
  }
}

/** Ready is who has spoken with every other: they must be found before any of them is ready. */
async function metAll(): Promise<void> {
  for (const host of others) {
    const name = host.split('.')[0]
    while ((await ask(host, 'HELLO').catch(() => '')) !== name) await new Promise(resolve => setTimeout(resolve, 200))
  }
}

function serve(): void {
  createServer(socket => {
    socket.on('error', () => socket.destroy())
    createInterface(socket).on('line', line => {
      void answer(line).then(
        said => socket.write(`${said}\n`),
        (error: unknown) => socket.write(`FAILED ${error instanceof Error ? error.message : error}\n`),
      )
    })
  }).listen(PORT, '::')
  let met = false
  createHttpServer((_request, response) => response.writeHead(met ? 200 : 503).end()).listen(READY_PORT, '::')
  void metAll().then(() => {
    met = true
  })
  process.once('SIGTERM', () => process.exit(0))
}

const [, , verb, host = '', line = ''] = process.argv
if (verb === 'ask') console.log(await ask(host, line))
else serve()
