/**
 * TrafficSplit semantics: what a client's request to one port of a Service becomes.
 *
 * Splits of one Service are tried oldest first; a request that none of them speaks of goes to the Service itself. A split is
 * applied once: a backend means its own endpoints, even where it is the apex again or the apex of another split.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  type HttpMatch,
  type MeshConfig,
  type ObjectRef,
  parseServiceKey,
  type Route,
  type RouteAction,
  refText,
  type ServiceKey,
  type ServicePortKey,
  type ServiceRoutes,
  servicePortKey,
  type TrafficMatch,
} from '@smi-mesh/dataplane/mesh'
import type { NameKey } from '../facts/fact-tables.ts'
import { type Compiled, type Finding, finding } from './finding.ts'
import type { RouteGroup } from './match.ts'
import type { Port } from './service.ts'
import { byPrecedence, type PlannedBackend, type SplitPlan } from './split-plan.ts'

/** What may be looked at to compile the routes of a port. */
export interface SplitScenery {
  readonly splitsByApex: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly plans: (split: NameKey) => SplitPlan | undefined
  readonly exists: (service: ServiceKey) => boolean | undefined
  readonly ports: (port: ServicePortKey) => Port | undefined
  /** Whether an endpoint is ready: asked so that a pod coming or going, one of many, recomputes nothing here. */
  readonly populated: (port: ServicePortKey) => boolean | undefined
  readonly groups: (group: NameKey) => RouteGroup | undefined
}

/** The routes of one port, first match wins, the last one matches anything. */
export function compileRoutes(
  key: ServicePortKey,
  port: Port,
  scenery: SplitScenery,
  { emptyBackends }: MeshConfig,
): Compiled<ServiceRoutes> {
  const findings: Finding[] = []
  const routes: Route[] = []
  const plans = [...scenery.splitsByApex(port.service)].flatMap(split => scenery.plans(split) ?? []).sort(byPrecedence)
  for (const plan of plans) {
    const action = actionOf(plan, port, scenery, emptyBackends, findings)
    if (action === undefined) continue
    const wanted = matchesOf(plan, port, scenery, findings)
    const before = routes.length
    const takers: Route[] = []
    for (const { match, from } of wanted) {
      const taker = routes.find(earlier => covers(earlier.match, match, port))
      if (taker === undefined) routes.push({ match, action, from })
      else takers.push(taker)
    }
    if (wanted.length > 0 && routes.length === before) findings.push(conflicted(plan, port, takers))
  }
  if (!routes.some(({ match }) => match.kind === 'any')) {
    const itself: RouteAction = { kind: 'forward', backends: [{ backend: key, weight: 1 }] }
    routes.push({ match: { kind: 'any' }, action: itself, from: [refOf(port.service)] })
  }
  return { value: { key, routes }, findings }
}

function refOf(service: ServiceKey): ObjectRef {
  return { kind: 'Service', ...parseServiceKey(service) }
}

interface AuthoredMatch {
  readonly match: TrafficMatch
  readonly from: readonly ObjectRef[]
}

/** All routes of all groups together (OR). Bytes have neither path nor headers, so on a TCP port nothing of them can fit. */
function matchesOf(
  plan: SplitPlan,
  port: Port,
  { groups }: SplitScenery,
  findings: Finding[],
): readonly AuthoredMatch[] {
  if (plan.when.kind === 'always') return [{ match: { kind: 'any' }, from: [plan.ref] }]
  if (port.protocol === 'tcp') {
    const message = `Port ${port.port} of Service ${port.service} carries bytes, of which no HTTPRouteGroup can speak; the split does nothing there. Set appProtocol: http on the port if it is HTTP.`
    findings.push(finding(plan.ref, 'MatchNeedsHttp', 'spec.matches', message))
    return []
  }
  return plan.when.groups.flatMap(({ key }) => {
    const group = groups(key)
    if (group === undefined) return []
    const from = [group.ref, plan.ref]
    return group.routes.flatMap(({ match }) => (match === undefined ? [] : [{ match, from }]))
  })
}

/** Whether nothing that the later match speaks of gets past the earlier one. Says no where it cannot tell. */
function covers(earlier: TrafficMatch, later: TrafficMatch, { protocol }: Port): boolean {
  if (earlier.kind === 'any') return true
  if ((protocol === 'http' || protocol === 'http2') && isUnconditional(earlier)) return true
  return isDeepStrictEqual(earlier, later)
}

function isUnconditional({ path, methods, headers }: HttpMatch): boolean {
  return path === 'any' && methods === 'any' && headers.length === 0
}

/** Where the split sends its requests; undefined where it has nowhere to, and therefore no effect. */
function actionOf(
  plan: SplitPlan,
  port: Port,
  scenery: SplitScenery,
  emptyBackends: MeshConfig['emptyBackends'],
  findings: Finding[],
): RouteAction | undefined {
  // The caller is told this, in a header: it names the object whose weights are to be changed.
  if (plan.weightless) return { kind: 'refuse', status: 503, reason: `all weights of ${refText(plan.ref)} are 0` }
  const usable = plan.backends.filter(backend => usableOn(backend, plan, port, scenery, findings) && backend.weight > 0)
  if (usable.length === 0) {
    const message = `No backend with a weight can be used on port ${port.port}; Service ${port.service} itself gets the traffic.`
    findings.push(finding(plan.ref, 'NoUsableBackend', 'spec.backends', message))
    return undefined
  }
  const shares = usable.map(({ service, weight }) => ({ backend: servicePortKey(service, port.port), weight }))
  if (emptyBackends === 'fail') return { kind: 'forward', backends: shares }
  const populated = shares.filter(({ backend }) => scenery.populated(backend))
  return { kind: 'forward', backends: populated.length > 0 ? populated : shares }
}

/**
 * "There must be a match between a port on the root service and a port on every destination backend service. If they do
 * not match, the backend service is not included" (split v1alpha4, "Ports"): judged port by port.
 */
function usableOn(
  { service, field }: PlannedBackend,
  plan: SplitPlan,
  port: Port,
  scenery: SplitScenery,
  findings: Finding[],
): boolean {
  if (!scenery.exists(service)) return false
  const target = scenery.ports(servicePortKey(service, port.port))
  if (target === undefined) {
    const message = `Service ${service} has no port ${port.port}, so it gets no traffic of that port. Add the port to it, or remove the backend.`
    findings.push(finding(plan.ref, 'PortNotFound', field, message))
    return false
  }
  if (port.protocol !== 'tcp' || (target.protocol !== 'http' && target.protocol !== 'http2')) return true
  const message = `Port ${port.port} carries bytes on ${port.service} and ${target.protocol} on ${service}, so ${service} gets no traffic of that port. Give both the same appProtocol.`
  findings.push(finding(plan.ref, 'ProtocolMismatch', field, message))
  return false
}

/** `takers` are the routes of older splits that take what this one speaks of. */
function conflicted(plan: SplitPlan, port: Port, takers: readonly Route[]): Finding {
  const splits = takers.flatMap(({ from }) => from.filter(ref => ref.kind === 'TrafficSplit').map(refText))
  const older = [...new Set(splits)]
  const take = older.length === 1 ? 'takes' : 'together take'
  const message = `${older.join(' and ')} ${take} every request to port ${port.port} of Service ${port.service} that this split speaks of. Delete this one, or merge them.`
  return finding(plan.ref, 'Conflicted', 'spec.service', message)
}
