/**
 * Every role of the shop in one small program: it answers, and asks others to be able to answer.
 *
 * `node shop.ts --name checkout --version v1 --route /checkout=/pay@http://127.5.1.3:9090` answers GET /checkout with what it is
 * and what `/pay` of the next service said. It passes on the headers by which traffic is told apart, keeps its connections open,
 * and on SIGTERM ends the requests it has before it ends itself.
 */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import { parseArgs } from 'node:util'

interface Answer {
  readonly status: number
  /** Who answered on the way, nearest first: `checkout v1`. */
  readonly path: readonly string[]
  readonly message: string
}

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'shop' },
    version: { type: 'string', default: 'v1' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    message: { type: 'string', default: 'ok' },
    route: { type: 'string', multiple: true, default: [] },
  },
})

/** What is asked of others: a path of ours → a path of theirs at an address. */
const routes = new Map(
  values.route.map(text => {
    const [, path = '/', target = '/', origin = ''] = /^([^=]+)=([^@]*)@(.+)$/.exec(text) ?? []
    return [path, { target, origin: new URL(origin) }] as const
  }),
)
const self = `${values.name} ${values.version}`
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** Headers that a route of the mesh may look at, so they must survive every step. */
function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name]) => name === 'user-agent' || (name.startsWith('x-') && !name.startsWith('x-envoy-')),
  )
  return Object.fromEntries(kept.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}

function ask(origin: URL, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise(resolve => {
    const asked = request(new URL(path, origin), { agent, headers, timeout: 10_000 }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve(read(response, Buffer.concat(parts).toString('utf8'))))
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', error => resolve({ status: 502, path: [], message: error.message }))
    asked.end()
  })
}

/** An answer of another shop, or of the mesh itself, which says in a header why it refused. */
function read({ statusCode = 502, headers }: IncomingMessage, body: string): Answer {
  const reason = headers['x-smi-reason']
  try {
    const { path, message } = JSON.parse(body)
    if (Array.isArray(path) && typeof message === 'string')
      return { status: statusCode, path: path.map(String), message }
  } catch {
    // No shop answered: the mesh did.
  }
  return { status: statusCode, path: [], message: typeof reason === 'string' ? reason : body.trim() }
}

async function answer(asked: IncomingMessage): Promise<Answer> {
  const { pathname } = new URL(asked.url ?? '/', 'http://shop')
  const [own, next] = [...routes].find(([path]) => pathname === path || pathname.startsWith(`${path}/`)) ?? []
  if (own === undefined || next === undefined) return { status: 200, path: [self], message: values.message }
  const rest = pathname.slice(own.length)
  const { status, path, message } = await ask(next.origin, `${next.target}${rest}`, passedOn(asked.headers))
  return { status, path: [self, ...path], message }
}

const server = createServer((asked: IncomingMessage, response: ServerResponse) => {
  asked.resume()
  void answer(asked).then(({ status, path, message }) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-shop-path': path.join(' > ') })
    response.end(`${JSON.stringify({ path, message })}\n`)
  })
})
// Longer than any proxy keeps an idle connection, so that none is closed under a request.
server.keepAliveTimeout = 3_700_000

server.listen(Number(values.port), values.host, () => console.log(`${self} listens at ${values.host}:${values.port}`))

process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
