/** The proxy of a pod as a process: how it is started, and what is asked of its admin side. */
import { ask } from './readiness.ts'

export interface ProxyStart {
  readonly command: readonly string[]
  /** The Unix socket of its admin side. */
  readonly adminSocket: string
}

/** Whether it has its configuration and takes connections. */
export async function isProxyReady(adminSocket: string): Promise<boolean> {
  return (await ask({ socketPath: adminSocket, path: '/ready' }))?.status === 200
}

/** Asks clients to go elsewhere (`Connection: close`, GOAWAY) while everything is still answered. */
export async function beginDrain(adminSocket: string): Promise<void> {
  await ask({ socketPath: adminSocket, path: '/drain_listeners?graceful&skip_exit' }, 'POST')
}

/** Requests (of HTTP) and connections (of other protocols) that came in and are not answered yet; undefined where it does not tell. */
export async function inFlight(adminSocket: string): Promise<number | undefined> {
  const filter = encodeURIComponent(`^(${Object.values(GAUGES).join('|').replaceAll('.', '\\.')})$`)
  const path = `/stats?format=json&filter=${filter}`
  const answer = await ask({ socketPath: adminSocket, path })
  return answer?.status === 200 ? activeIn(answer.body) : undefined
}

const GAUGES = {
  requests: 'http.inbound.downstream_rq_active',
  httpConnections: 'http.inbound.downstream_cx_active',
  connections: 'listener.inbound.downstream_cx_active',
}

/** Of HTTP only requests count, because idle connections are kept open on purpose. All other connections carry bytes. */
export function activeIn(body: string): number | undefined {
  const stats = parse(body)
  if (!Array.isArray(stats)) return undefined
  const values = new Map(stats.filter(isGauge).map(({ name, value }) => [name, value]))
  const of = (gauge: keyof typeof GAUGES) => values.get(GAUGES[gauge]) ?? 0
  return of('requests') + Math.max(0, of('connections') - of('httpConnections'))
}

function parse(body: string): unknown {
  try {
    const found: unknown = JSON.parse(body)
    return typeof found === 'object' && found !== null && 'stats' in found ? found.stats : undefined
  } catch {
    return undefined
  }
}

function isGauge(stat: unknown): stat is { readonly name: string; readonly value: number } {
  if (typeof stat !== 'object' || stat === null || !('name' in stat) || !('value' in stat)) return false
  return typeof stat.name === 'string' && typeof stat.value === 'number'
}
