/** What is found out about a connection before a chain is chosen, by looking at its first bytes or at the kernel's notes. */

import type { Port } from '../mesh/index.ts'
import type {
  ListenerFilter,
  ListenerFilterChainMatchPredicate as Predicate,
} from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { HttpInspector } from '../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector.ts'
import { OriginalDst } from '../proto/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst.ts'
import { TlsInspector } from '../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.ts'
import { filter } from '../proto/index.ts'

/**
 * How long a connection may say nothing before it is taken for bytes of a protocol whose server speaks first. Sidecars greet at
 * once, so only plain connections ever wait: on ports of protocol `auto`, and inbound on those of `tcp`.
 */
export const SILENCE_S = 3

/** What HTTP looks like to the inspector. */
export const HTTP_PROTOCOLS: readonly string[] = ['http/1.0', 'http/1.1', 'h2c']

/** Where a redirected connection wanted to go. */
export const ORIGINAL_DESTINATION: ListenerFilter = filter('envoy.filters.listener.original_dst', OriginalDst, {})

/** Whether TLS is spoken and which ALPN is offered. */
export const TLS_INSPECTOR: ListenerFilter = filter('envoy.filters.listener.tls_inspector', TlsInspector, {})

const HTTP_INSPECTOR: ListenerFilter = filter('envoy.filters.listener.http_inspector', HttpInspector, {})

/** Whether HTTP is spoken; not asked on `except`. */
export function httpInspector(except: readonly Port[]): ListenerFilter {
  return except.length === 0 ? HTTP_INSPECTOR : { ...HTTP_INSPECTOR, filterDisabled: toAnyOf(except) }
}

function toAnyOf(ports: readonly Port[]): Predicate {
  const rules = ports.map(
    (port): Predicate => ({
      rule: { $case: 'destinationPortRange', destinationPortRange: { start: port, end: port + 1 } },
    }),
  )
  const [only] = rules
  // A set of alternatives has at least two members, or Envoy rejects it.
  return only !== undefined && rules.length === 1 ? only : { rule: { $case: 'orMatch', orMatch: { rules } } }
}
