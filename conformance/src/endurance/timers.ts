/**
 * Timers of an Envoy's configuration, and whether one of them could end a stream that lives on, silent or not. Reads a dump of its
 * admin side. A timer that is not known here is taken for one that could.
 */
import { fields, list, text } from '../oracle/read.ts'

export interface Timer {
  /** Names of fields from the listener, cluster or route downwards; numbers of lists left out. */
  readonly path: string
  readonly value: string
}

/** Every field of the dump that is a duration, and each message of which a duration is left to a default that ends streams. */
export function timersThatEndStreams(dump: unknown): readonly Timer[] {
  // What does not come from the control plane is not on the way of a stream: probes, numbers, the control plane itself.
  const told = list(fields(dump)['configs']).flatMap(config =>
    Object.entries(fields(config)).filter(([name]) => name.startsWith('dynamic_')),
  )
  return told.flatMap(([name, value]) => [...walk(value, name)])
}

/** They time the beginning of something, the rest of something that is over, or a peer that answers nothing at all. */
const HARMLESS = [
  /\bconnect_timeout$/, // of a connection that does not come about
  /\bcommon_http_protocol_options\.idle_timeout$/, // "connection has no active requests" (HttpProtocolOptions)
  /\bconnection_keepalive\.(interval|timeout)$/, // a peer that answers no PING is gone
  /\blistener_filters_timeout$/, // before a connection's protocol is known
  /\binitial_fetch_timeout$|\bresource_fetch_timeout$/, // of configuration
  /\bhealth_checks\.\w+$/, // its own connections, of probes
  /\brequest_headers_timeout$/, // until a request's headers are there
]
/** Zero says never. Left out, the default of Envoy ends what is silent, or slow, or old. */
const NEVER = new Set(['0s', '0.000s', '0'])
const ENDS_BY_DEFAULT: Readonly<Record<string, readonly string[]>> = {
  HttpConnectionManager: ['stream_idle_timeout'], // 5 min
  TcpProxy: ['idle_timeout'], // 1 h
}

function* walk(value: unknown, path: string): Generator<Timer> {
  if (Array.isArray(value)) {
    for (const one of value) yield* walk(one, path)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const message = fields(value)
  const type = text(message['@type']).split('.').at(-1) ?? ''
  const lacking = (ENDS_BY_DEFAULT[type] ?? []).filter(name => message[name] === undefined)
  // "If not set, the default is 15s" (RouteAction.timeout)
  if (path.endsWith('.route') && message['timeout'] === undefined && isRouteAction(message)) lacking.push('timeout')
  for (const name of lacking) yield { path: `${path}.${name}`, value: 'left to its default' }
  for (const [name, inner] of Object.entries(message)) {
    const at = `${path}.${name}`
    if (typeof inner !== 'string' || !/^\d+(\.\d+)?s$/.test(inner)) yield* walk(inner, at)
    else if (!NEVER.has(inner) && !HARMLESS.some(known => known.test(at))) yield { path: at, value: inner }
  }
}

function isRouteAction(message: Readonly<Record<string, unknown>>): boolean {
  return ['cluster', 'weighted_clusters', 'cluster_header'].some(name => message[name] !== undefined)
}
