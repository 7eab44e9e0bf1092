/**
 * All derivations of this side: the mesh's tables to resources and scopes. Each resource is encoded once, for every proxy that
 * is told of it. A new weight encodes one RouteConfiguration, a new pod one load assignment, a new TrafficTarget the
 * RouteConfigurations of the ports it opens; the tables of `facts.ts` keep all else from running.
 */
import type { Graph, Table } from '../derive/index.ts'
import {
  type EnvoyResource,
  type GroupKey,
  groupAll,
  groupOfIdentity,
  groupRedirected,
  type IdentityCertificate,
  type Mesh,
  type SpiffeId,
  type TrustBundle,
  type WorkloadKey,
} from '../mesh/index.ts'
import type { AccessLogMode } from './access-log.ts'
import type { IpFamilies } from './address.ts'
import { applicationCluster, passthroughCluster } from './cluster.ts'
import { deriveFacts, type Facts } from './facts.ts'
import { deriveInbound } from './inbound-resources.ts'
import { REFUSED } from './names.ts'
import { captureListener } from './outbound.ts'
import { deriveOutbound } from './outbound-resources.ts'
import {
  clusterResource,
  type Keyed,
  listenerResource,
  routeResource,
  sameResource,
  secretResource,
} from './resource.ts'
import { refusedRouteConfiguration } from './route.ts'
import { scopeOf } from './scope.ts'
import { bundleSecret, identitySecret } from './secret.ts'
import { meshDownstreamSocket } from './tls.ts'

export interface ResourceOptions {
  /** `audit`: only what audit mode would have refused. `all`: a line for every request. */
  readonly accessLog?: AccessLogMode
}

export interface SecretTables {
  readonly certificates: Table<SpiffeId, IdentityCertificate>
  readonly bundle: Table<'bundle', TrustBundle>
}

export interface DerivedResources {
  readonly tables: readonly Table<string, EnvoyResource>[]
  readonly scopes: Table<WorkloadKey, readonly GroupKey[]>
}

export function deriveResources(
  graph: Graph,
  mesh: Mesh,
  secrets: SecretTables,
  options: ResourceOptions = {},
): DerivedResources {
  const { escapedSlashes, ipFamilies } = mesh.config
  const settings = { accessLog: 'audit', escapedSlashes, ipFamilies, ...options } as const
  const facts = deriveFacts(graph, mesh)
  return {
    tables: [
      fixedResources(graph),
      captureResources(graph, facts, settings),
      ...deriveOutbound(graph, mesh, facts, settings),
      ...deriveInbound(graph, mesh, facts, {
        ...settings,
        members: meshDownstreamSocket({ kind: 'trust-domain', trustDomain: mesh.config.trustDomain }),
      }),
      ...deriveSecrets(graph, secrets),
    ],
    scopes: deriveScopes(graph, mesh, facts),
  }
}

/** What every redirected proxy needs, whatever the mesh is. */
function fixedResources(graph: Graph): Table<string, EnvoyResource> {
  const fixed = graph.source<string, EnvoyResource>('envoy.fixed')
  const group = groupRedirected()
  const resources: readonly Keyed[] = [
    routeResource(group, refusedRouteConfiguration(REFUSED), []),
    clusterResource(group, passthroughCluster(), []),
    ...(['http1', 'http2', 'as-it-came'] as const).map(speaks =>
      clusterResource(group, applicationCluster(speaks), []),
    ),
  ]
  for (const [key, resource] of resources) fixed.set(key, resource)
  return fixed
}

/** What catches every redirected connection. Changed by a service that comes, goes, or opens to everyone. */
function captureResources(
  graph: Graph,
  { captures, restrictedIps }: Facts,
  { accessLog, ipFamilies }: { readonly accessLog: AccessLogMode; readonly ipFamilies: IpFamilies },
) {
  return graph.expand({
    name: 'envoy.capture',
    over: captures,
    reads: { restrictedIps },
    equal: sameResource,
    compute: (capture, _true, read) => {
      if (capture !== 'redirect') return []
      return [
        listenerResource(
          groupRedirected(),
          captureListener(read.restrictedIps('all') ?? [], ipFamilies, { accessLog }),
          [],
        ),
      ]
    },
  })
}

function deriveSecrets(graph: Graph, { certificates, bundle }: SecretTables): Table<string, EnvoyResource>[] {
  return [
    graph.expand({
      name: 'envoy.identitySecrets',
      over: certificates,
      equal: sameResource,
      compute: (identity, certificate) => [secretResource(groupOfIdentity(identity), identitySecret(certificate), [])],
    }),
    graph.expand({
      name: 'envoy.bundleSecret',
      over: bundle,
      equal: sameResource,
      compute: (_key, roots) => [secretResource(groupAll(), bundleSecret(roots), [])],
    }),
  ]
}

function deriveScopes(graph: Graph, mesh: Mesh, { companions }: Facts): Table<WorkloadKey, readonly GroupKey[]> {
  return graph.derive({
    name: 'envoy.scopes',
    over: mesh.workloads,
    reads: { reach: mesh.reach, companions },
    compute: (_key, workload, read) => {
      const reached = read.reach(workload.identity)?.services ?? []
      return scopeOf(
        workload,
        reached.flatMap(service => [service, ...(read.companions(service) ?? [])]),
      )
    },
  })
}
