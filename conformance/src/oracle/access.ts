/** Whether a pod lets a request in: TrafficTarget, by the SMI text. "All traffic is denied unless explicitly allowed." */
import type { Call, Name, RawObject, Verdict, World } from '../world.ts'
import { fitsGroup } from './http.ts'
import { type Identity, identitiesOf } from './identity.ts'
import { hidesSlash } from './path.ts'
import { type PodView, protocol, selects, services, targetPort } from './pods.ts'
import { fields, find, list, metadata, nameOf, numbers, ofKind, text } from './read.ts'

/** What is said to a request before `pod`. An escaped slash is no path a rule could be asked about, so nobody takes it. */
export function verdict(world: World, pod: PodView, at: number, caller: Identity | undefined, call: Call): Verdict {
  if (pod.meshed && call.kind === 'http' && hidesSlash(call.path) && !isBytes(world, pod, at)) return 'finds malformed'
  return allows(world, pod, at, caller, call) ? 'allows' : 'denies'
}

/** The answer of the sidecar before `pod`, asked on port `at` by `caller` (undefined: somebody without an identity). */
export function allows(world: World, pod: PodView, at: number, caller: Identity | undefined, call: Call): boolean {
  if (!pod.meshed) return true // nobody is there to ask
  const { mode, strangers } = namespaceSays(world, pod.name.namespace)
  if (caller === undefined) return strangers === 'allow'
  if (mode !== 'enforce') return true
  const heard = isBytes(world, pod, at) ? ({ kind: 'tcp' } as const) : call
  return ofKind(world.objects, 'TrafficTarget').some(target => permits(world, target, pod, at, caller, heard))
}

/** Access control is a choice of each namespace; who has no identity is let in only where nothing is enforced, or by choice. */
function namespaceSays(world: World, namespace: string): { readonly mode: string; readonly strangers: string } {
  const object = ofKind(world.objects, 'Namespace').find(one => metadata(one)['name'] === namespace)
  const annotations = fields(metadata(object ?? {})['annotations'])
  const mode = text(annotations['smi-mesh.dev/access']) || world.config.access
  return { mode, strangers: text(annotations['smi-mesh.dev/unidentified']) || (mode === 'enforce' ? 'deny' : 'allow') }
}

/** One TrafficTarget: the pod runs as its destination, the caller is one of its sources, and its rules fit. */
function permits(world: World, target: RawObject, pod: PodView, at: number, caller: Identity, call: Call): boolean {
  const { namespace } = nameOf(target)
  const body = { ...target, ...fields(target['spec']) } // v1alpha1 has all of it at the top
  const destination = fields(body['destination'])
  const rules = list(body['rules'] ?? body['specs']).map(fields)
  return (
    pod.name.namespace === namespace &&
    (text(destination['namespace']) || namespace) === namespace && // nobody opens the doors of another namespace
    identitiesOf(world, destination, namespace).some(one => is(one, { namespace, account: pod.account })) &&
    list(body['sources']).some(source => identitiesOf(world, fields(source), namespace).some(one => is(one, caller))) &&
    (destination['port'] === undefined || standsFor(world, [Number(destination['port'])], pod, at)) &&
    rulesFit(world, namespace, rules, pod, at, call)
  )
}

/**
 * The rules of one TrafficTarget: one of its ports, if it names TCPRoutes, and one of its HTTP routes, if it names
 * HTTPRouteGroups. UDPRoutes say nothing of TCP; a target with none but those, or with no rule, lets nothing in.
 */
function rulesFit(
  world: World,
  namespace: string,
  rules: readonly RawObject[],
  pod: PodView,
  at: number,
  call: Call,
): boolean {
  const tcp = rules.filter(rule => rule['kind'] === 'TCPRoute')
  const http = rules.filter(rule => rule['kind'] === 'HTTPRouteGroup')
  if (tcp.length + http.length === 0) return false
  const route = (rule: RawObject): Name => ({ namespace, name: text(rule['name']) })
  const portFits = tcp.some(rule => {
    const found = find(world.objects, 'TCPRoute', route(rule))
    return found !== undefined && opensPort(world, found, pod, at)
  })
  const requestFits = http.some(rule => {
    const named = Array.isArray(rule['matches']) ? list(rule['matches']).map(text) : undefined
    return call.kind === 'http' && fitsGroup(world, route(rule), named, call)
  })
  return (tcp.length === 0 || portFits) && (http.length === 0 || requestFits)
}

/** "When not specified, all ports." Versions before v1alpha4 cannot specify any. */
function opensPort(world: World, route: RawObject, pod: PodView, at: number): boolean {
  const ports = numbers(fields(fields(route['spec'])['matches'])['ports'])
  return ports.length === 0 || standsFor(world, ports, pod, at)
}

/** A number may be the pod's own port, or the port of a Service that leads there. */
function standsFor(world: World, ports: readonly number[], pod: PodView, at: number): boolean {
  if (ports.includes(at)) return true
  return services(world).some(
    service =>
      selects(service, pod) &&
      service.ports.some(port => ports.includes(port) && targetPort(service, port, pod) === at),
  )
}

/** Where a Service says that bytes are spoken, no HTTP is read, so nothing in it can be proven. */
function isBytes(world: World, pod: PodView, at: number): boolean {
  return services(world).some(
    service =>
      selects(service, pod) &&
      service.ports.some(port => targetPort(service, port, pod) === at && protocol(service, port) === 'bytes'),
  )
}

function is(a: Identity, b: Identity): boolean {
  return a.namespace === b.namespace && a.account === b.account
}
