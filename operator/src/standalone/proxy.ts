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
  const path = `/stats?format=json&filter=${encodeURIComponent('^(http|tcp)\\.inbound.*\\.(downstream_rq_active|downstream_cx_active)$')}`
  const answer = await ask({ socketPath: adminSocket, path })
  return answer?.status === 200 ? activeIn(answer.body) : undefined
}

/** Of HTTP only requests count, because idle connections are kept open on purpose. */
export function activeIn(body: string): number | undefined {
  const stats = parse(body)
  if (!Array.isArray(stats)) return undefined
  let active = 0
  for (const stat of stats) {
    if (!isGauge(stat)) continue
    const isRequest = stat.name.startsWith('http.') && stat.name.endsWith('.downstream_rq_active')
    const isBytes = stat.name.startsWith('tcp.') && stat.name.endsWith('.downstream_cx_active')
    if (isRequest || isBytes) active += stat.value
  }
  return active
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
