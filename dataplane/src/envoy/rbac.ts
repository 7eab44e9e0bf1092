/**
 * Access of one inbound port as Envoy's role-based access control, for requests and for connections. Everything here fails
 * closed: an empty set of policies allows nobody.
 *
 * In audit mode the rules are only judged: who would be refused is counted and logged. A caller without identity counts as one
 * who would be, because that is what `enforce` does unless told otherwise.
 */
import type { Access, AccessRule, SpiffeId } from '../mesh/index.ts'
import type { Filter } from '../proto/gen/envoy/config/listener/v3/listener_components.ts'
import { type Policy, type Principal, type RBAC, RBAC_Action } from '../proto/gen/envoy/config/rbac/v3/rbac.ts'
import { RBACPerRoute } from '../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac.ts'
import { RBAC as NetworkRBAC } from '../proto/gen/envoy/extensions/filters/network/rbac/v3/rbac.ts'
import type { Any } from '../proto/gen/google/protobuf/any.ts'
import { any, filter } from '../proto/index.ts'
import { permission } from './match.ts'

/** The part of access that is not rules; all that a listener for HTTP needs to know. */
export type Gate = Pick<Access, 'mode' | 'unidentified'>

/** What holds where nothing is known: nobody. */
export const CLOSED: Omit<Access, 'key'> = { mode: 'enforce', unidentified: 'deny', rules: [] }

/** For `typed_per_filter_config` of a route: judged request by request. */
export function httpAccess(access: Omit<Access, 'key'>): Any {
  const shadow = access.mode === 'audit' ? { shadowRules: allow(rulePolicies(access.rules)) } : {}
  return any(RBACPerRoute, { rbac: { rules: allow(enforced(access)), ...shadow } })
}

/**
 * Who may open a connection at all, `anyone` of the trust domain or these. Envoy judges a connection by RBAC only once the
 * client has said something, too late where the server speaks first: so the handshake itself must turn the others away.
 */
export function connectionPeers(access: Omit<Access, 'key'>): readonly SpiffeId[] | 'anyone' {
  if (access.mode !== 'enforce') return 'anyone'
  return [...new Set(access.rules.flatMap(ofConnections).flatMap(rule => rule.sources))].sort()
}

/** In front of opaque bytes: a rule that asks about requests cannot be shown to hold, so it does not. */
export function networkAccess(access: Omit<Access, 'key'>): Filter {
  const opaque = { ...access, rules: access.rules.flatMap(ofConnections) }
  const shadow = access.mode === 'audit' ? { shadowRules: allow(rulePolicies(opaque.rules)) } : {}
  return filter('envoy.filters.network.rbac', NetworkRBAC, {
    statPrefix: 'inbound.',
    rules: allow(enforced(opaque)),
    ...shadow,
  })
}

/** Whether a caller without identity is let in, whatever it asks for. */
export function admitsUnidentified(gate: Gate): boolean {
  return gate.unidentified === 'allow'
}

function enforced(access: Omit<Access, 'key'>): Record<string, Policy> {
  const everyone = admitsUnidentified(access)
  if (access.mode !== 'enforce') return { [access.mode]: policy([everyone ? ANYONE : IDENTIFIED]) }
  return { ...rulePolicies(access.rules), ...(everyone ? { unidentified: policy([UNIDENTIFIED]) } : {}) }
}

function rulePolicies(rules: readonly AccessRule[]): Record<string, Policy> {
  return Object.fromEntries(
    rules
      .filter(rule => rule.sources.length > 0 && rule.matches.length > 0)
      .map(rule => [
        rule.name,
        { principals: rule.sources.map(identified), permissions: rule.matches.map(permission) },
      ]),
  )
}

function ofConnections(rule: AccessRule): AccessRule[] {
  const matches = rule.matches.filter(match => match.kind === 'any')
  return matches.length === 0 ? [] : [{ ...rule, matches }]
}

function allow(policies: Record<string, Policy>): RBAC {
  return { action: RBAC_Action.ALLOW, policies }
}

function policy(principals: readonly Principal[]): Policy {
  return { principals, permissions: [{ rule: { $case: 'any', any: true } }] }
}

const ANYONE: Principal = { identifier: { $case: 'any', any: true } }
/** Proved by a certificate of the trust domain: no chain asks for another. */
const IDENTIFIED: Principal = { identifier: { $case: 'authenticated', authenticated: {} } }
const UNIDENTIFIED: Principal = { identifier: { $case: 'notId', notId: IDENTIFIED } }

function identified(id: string): Principal {
  return {
    identifier: {
      $case: 'authenticated',
      authenticated: { principalName: { matchPattern: { $case: 'exact', exact: id } } },
    },
  }
}
