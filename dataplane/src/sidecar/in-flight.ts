/** What a proxy has taken in and not answered yet, by the gauges of its inbound side. */

const GAUGES = {
  requests: 'http.inbound.downstream_rq_active',
  httpConnections: 'http.inbound.downstream_cx_active',
  connections: 'listener.inbound.downstream_cx_active',
} as const

const FILTER = `^(${Object.values(GAUGES).join('|').replaceAll('.', '\\.')})$`

/** The question to the admin side of a proxy whose answer `inFlightIn` reads. */
export const IN_FLIGHT_PATH = `/stats?format=json&filter=${encodeURIComponent(FILTER)}`

/**
 * Requests, and connections of opaque bytes, for which Envoy has no number but the difference. Idle connections of HTTP do not
 * count: they are kept open on purpose. Undefined where the answer tells nothing, which is not the same as nothing in flight.
 */
export function inFlightIn(body: string): number | undefined {
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
