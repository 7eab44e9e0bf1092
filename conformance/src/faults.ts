/**
 * Meshes that are wrong on purpose: a suite that none of them turns red proves nothing. A fault stands outside the product,
 * which has no switch for it: it either rewrites the objects before the product reads them, or the tables of the compiled mesh
 * before proxies are told of them.
 */
import type { Graph, Source, Table } from '@smi-mesh/dataplane/derive'
import type {
  Access,
  Mesh,
  Route,
  ServicePortKey,
  ServiceRoutes,
  TrafficMatch,
  WorkloadPortKey,
} from '@smi-mesh/dataplane/mesh'
import { isSmi, nameOfRaw, sameObject } from './case/objects.ts'
import { fields, list, text } from './oracle/read.ts'
import type { RawObject } from './world.ts'

export interface Fault {
  readonly name: string
  /** What such a mesh does, as a sentence. */
  readonly says: string
  /** What it takes the objects for. `before`: what it took them for last, in the same case. */
  readonly objects?: (now: readonly RawObject[], before: readonly RawObject[]) => readonly RawObject[]
  readonly routes?: (routes: readonly Route[]) => readonly Route[]
  readonly access?: (access: Access) => Access
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'ignore-weights',
    says: 'every backend of a split gets the same share',
    routes: routes => routes.map(route => withWeights(route, () => 1)),
  },
  {
    name: 'ignore-methods',
    says: 'routes match whatever their methods say',
    routes: routes => routes.map(route => ({ ...route, match: anyMethod(route.match) })),
    access: access => withMatches(access, anyMethod),
  },
  {
    name: 'ignore-headers',
    says: 'routes match whatever their headers say',
    routes: routes => routes.map(route => ({ ...route, match: anyHeaders(route.match) })),
    access: access => withMatches(access, anyHeaders),
  },
  {
    name: 'allow-all',
    says: 'nobody is ever denied',
    access: access => ({ ...access, mode: 'permissive', unidentified: 'allow' }),
  },
  {
    name: 'deny-all',
    says: 'nobody is ever let in',
    access: access => ({ ...access, mode: 'enforce', unidentified: 'deny', rules: [] }),
  },
  {
    name: 'ignore-ports',
    says: 'a TCPRoute opens all ports, whichever it lists',
    objects: now => now.map(object => (object['kind'] === 'TCPRoute' ? withoutPorts(object) : object)),
  },
  {
    name: 'stale-endpoints',
    says: 'pods that come or go are not noticed',
    objects: (now, before) => {
      // Where there are EndpointSlices they say it, and pods go on to be known for what else they are.
      const endpoint = before.some(({ kind }) => kind === 'EndpointSlice') ? 'EndpointSlice' : 'Pod'
      if (before.length === 0) return now
      return [...now.filter(({ kind }) => kind !== endpoint), ...before.filter(({ kind }) => kind === endpoint)]
    },
  },
  {
    name: 'wrong-identity',
    says: 'a ServiceAccount is known by its name alone, whatever its namespace',
    objects: now => now.map(object => (object['kind'] === 'TrafficTarget' ? withoutNamespaces(object) : object)),
  },
  {
    name: 'no-fall-through',
    says: 'requests that fit no match of a split do not reach the Service itself',
    routes: routes => (routes.length > 1 ? routes.slice(0, -1) : routes),
  },
  {
    name: 'unanchored-paths',
    says: 'pathRegex may fit anywhere in the path',
    objects: now => now.map(object => (object['kind'] === 'HTTPRouteGroup' ? unanchored(object) : object)),
  },
  {
    name: 'ignore-deletions',
    says: 'SMI objects that are deleted stay in force',
    objects: (now, before) => [...now, ...before.filter(object => isSmi(object) && same(object, now) === undefined)],
  },
  {
    name: 'ignore-target-ports',
    says: 'the port of a Service is taken for the port of its pods',
    // EndpointSlices would say better.
    objects: now =>
      now
        .filter(object => object['kind'] !== 'EndpointSlice')
        .map(object => (object['kind'] === 'Service' ? withoutTargetPorts(object) : object)),
  },
]

/** A mesh that can be made wrong and right again while proxies are connected to it. */
export interface Distortion {
  readonly mesh: Mesh
  set(fault: Fault | undefined): void
}

/** The mesh behind a switch. Nothing of it is part of the product: two tables are derived once more from its own. */
export function distortion(graph: Graph, mesh: Mesh): Distortion {
  const current: Source<'fault', Fault> = graph.source('fault')
  const routes: Table<ServicePortKey, ServiceRoutes> = graph.derive({
    name: 'faultyRoutes',
    over: mesh.routes,
    reads: { current },
    compute: (_key, value, read) => {
      const { routes = kept } = read.current('fault') ?? {}
      return { ...value, routes: routes(value.routes) }
    },
  })
  const access: Table<WorkloadPortKey, Access> = graph.derive({
    name: 'faultyAccess',
    over: mesh.access,
    reads: { current },
    compute: (_key, value, read) => {
      const { access = kept } = read.current('fault') ?? {}
      return access(value)
    },
  })
  return {
    mesh: { ...mesh, routes, access },
    set: fault => (fault === undefined ? current.delete('fault') : current.set('fault', fault)),
  }
}

function kept<T>(value: T): T {
  return value
}

function withWeights(route: Route, weigh: (weight: number) => number): Route {
  if (route.action.kind === 'refuse') return route
  const backends = route.action.backends.map(({ backend, weight }) => ({ backend, weight: weigh(weight) }))
  return { ...route, action: { kind: 'forward', backends } }
}

function withMatches(access: Access, change: (match: TrafficMatch) => TrafficMatch): Access {
  return { ...access, rules: access.rules.map(rule => ({ ...rule, matches: rule.matches.map(change) })) }
}

function anyMethod(match: TrafficMatch): TrafficMatch {
  return match.kind === 'any' ? match : { ...match, methods: 'any' }
}

function anyHeaders(match: TrafficMatch): TrafficMatch {
  return match.kind === 'any' ? match : { ...match, headers: [] }
}

function withoutPorts(route: RawObject): RawObject {
  return { ...route, spec: { matches: { ports: [] } } }
}

function withoutNamespaces(target: RawObject): RawObject {
  const { sources, ...spec } = { sources: undefined, ...fields(target['spec']) }
  if (sources === undefined) return target
  const nameless = list(sources).map(source => ({ ...fields(source), namespace: undefined }))
  return JSON.parse(JSON.stringify({ ...target, spec: { ...spec, sources: nameless } }))
}

function unanchored(group: RawObject): RawObject {
  const spec = fields(group['spec'])
  if (spec['matches'] === undefined) return group
  const matches = list(spec['matches']).map(fields)
  return {
    ...group,
    spec: {
      ...spec,
      matches: matches.map(match => {
        const expression = text(match['pathRegex'])
        return expression === '' ? match : { ...match, pathRegex: `.*${expression}` }
      }),
    },
  }
}

function withoutTargetPorts(service: RawObject): RawObject {
  const spec = fields(service['spec'])
  const ports = list(spec['ports']).map(port => ({ ...fields(port), targetPort: Number(fields(port)['port']) }))
  return { ...service, spec: { ...spec, ports } }
}

function same(object: RawObject, among: readonly RawObject[]): RawObject | undefined {
  return among.find(other => sameObject(nameOfRaw(object), nameOfRaw(other)))
}
