/**
 * Facts → mesh and findings: every `derive` of this side. Read it as the product's table of contents; the meaning of each line
 * is in the file it calls. Nothing here looks at more of the world than it declares, and nothing loops over all of it.
 */
import type { Graph, Table } from '@smi-mesh/dataplane/derive'
import type { Mesh, MeshConfig } from '@smi-mesh/dataplane/mesh'
import type { FactTables } from '../facts/fact-tables.ts'
import { compileAccess } from './access.ts'
import { compileEndpoints, endpointRows } from './endpoints.ts'
import { backingOf, exposureOf, isInviting, isOpenByItself, linkOf, reachOf } from './exposure.ts'
import { type Finding, finding } from './finding.ts'
import { findingsBySubject, gather, valuesOf } from './findings.ts'
import { compileGrant } from './grant.ts'
import { compileBinding } from './identity.ts'
import { compileRouteGroup } from './match.ts'
import { labelKeys, podTraits, selectorOf, servicesOf, sliceMembers } from './pod.ts'
import { compileService, servicePorts } from './service.ts'
import { compileRoutes } from './split.ts'
import { checkSplit, planSplit } from './split-plan.ts'
import { compileWorkload, workloadPortRows } from './workload.ts'

export interface CompiledMesh {
  readonly mesh: Mesh
  /** All that is to be said about the user's objects, by the text of their reference; those of reading them included. */
  readonly findings: Table<string, readonly Finding[]>
}

/** Builds the tables; they are filled by the next `graph.settle()` and kept up by every later one. */
export function compile(graph: Graph, facts: FactTables, config: MeshConfig): CompiledMesh {
  const pods = compilePods(graph, facts, config)
  const routing = compileRouting(graph, facts, config, pods)
  const access = compileAccesses(graph, facts, config, pods, routing)
  const telling = compileTelling(graph, facts, config, pods, routing, access)
  const { services, routes, endpoints } = routing
  const mesh: Mesh = {
    config,
    services,
    routes,
    endpoints,
    exposure: telling.exposure,
    workloads: access.workloads,
    access: access.access,
    reach: telling.reach,
    pods: pods.workloadOfPod,
  }
  const stages = { ...routing.findings, ...access.findings }
  return { mesh, findings: gather(graph, facts.subjects, facts.problems, stages) }
}

type Pods = ReturnType<typeof compilePods>

/** Who the pods are, and which Services they stand behind. */
function compilePods(graph: Graph, facts: FactTables, config: MeshConfig) {
  const { services, pods, endpointSlices, serviceAccounts } = facts
  const podsByIp = graph.index('podsByIp', pods, pod => (pod.ip === undefined || pod.finished ? [] : [pod.ip]))
  const traits = graph.derive({ name: 'podTraits', over: pods, compute: (_key, pod) => podTraits(pod, config) })
  const selectors = graph.derive({ name: 'selectors', over: services, compute: (_key, service) => selectorOf(service) })
  const selectorsByLabel = graph.index('selectorsByLabel', selectors, labels => labels.slice(0, 1))
  const members = graph.derive({
    name: 'sliceMembers',
    over: endpointSlices,
    reads: { podsByIp },
    compute: (_key, slice, read) => sliceMembers(slice, read.podsByIp),
  })
  const slicesByPod = graph.index('slicesByPod', members, ({ pods }) => pods)
  const slicesByService = graph.index('slicesByService', members, ({ service }) => [service])
  const servicesOfPod = graph.derive({
    name: 'servicesOfPod',
    over: traits,
    reads: { selectorsByLabel, selectors, slicesByPod, sliceMembers: members },
    compute: (_key, pod, read) => servicesOf(pod, read),
  })
  const podsByService = graph.index('podsByService', servicesOfPod, services => services)
  const podsByAccount = graph.index('podsByAccount', traits, pod => [pod.account])
  const podsByLabel = graph.index('podsByLabel', traits, pod => labelKeys(pod.namespace, pod.labels))
  const podsByWorkload = graph.index('podsByWorkload', traits, pod => (pod.meshed ? [pod.workload] : []))
  const workloadOfPod = graph.derive({
    name: 'workloadOfPod',
    over: traits,
    compute: (_key, pod) => (pod.meshed ? pod.workload : undefined),
  })
  const used = graph.derive({ name: 'usedAccounts', over: podsByAccount, compute: () => true })
  const backing = graph.derive({
    name: 'backing',
    over: services,
    reads: { podsByService, traits, slicesByService, sliceMembers: members },
    compute: (key, _service, read) => backingOf(key, read),
  })
  return {
    podsByIp,
    traits,
    slicesByService,
    servicesOfPod,
    podsByService,
    podsByAccount,
    podsByLabel,
    podsByWorkload,
    workloadOfPod,
    used,
    backing,
    declared: serviceAccounts,
  }
}

type Routing = ReturnType<typeof compileRouting>

/** Services, where they are, and what clients' requests to them become. */
function compileRouting(graph: Graph, facts: FactTables, config: MeshConfig, { backing, ...pods }: Pods) {
  const services = graph.derive({
    name: 'services',
    over: facts.services,
    reads: { backing },
    compute: (key, service, read) => compileService(service, read.backing(key)?.identities ?? [], config),
  })
  const located = graph.derive({
    name: 'locate',
    over: facts.services,
    reads: { ...pods, pods: facts.pods, slices: facts.endpointSlices },
    compute: (_key, service, read) => compileEndpoints(service, read),
  })
  const endpoints = graph.expand({
    name: 'endpoints',
    over: located,
    compute: (_key, { value }) => endpointRows(value),
  })
  const populated = graph.derive({
    name: 'populated',
    over: endpoints,
    compute: (_key, { endpoints }) => (endpoints.length > 0 ? true : undefined),
  })
  const exists = graph.derive({ name: 'serviceExists', over: facts.services, compute: () => true })
  const ports = graph.expand({
    name: 'servicePorts',
    over: facts.services,
    compute: (_key, service) => servicePorts(service),
  })
  const grouped = graph.derive({
    name: 'compileRouteGroups',
    over: facts.httpRouteGroups,
    compute: (_key, group) => compileRouteGroup(group, config.pathRegex),
  })
  const groups = valuesOf(graph, grouped, 'routeGroups')
  const hasGroup = graph.derive({ name: 'routeGroupExists', over: facts.httpRouteGroups, compute: () => true })
  const planned = graph.derive({
    name: 'planSplits',
    over: facts.trafficSplits,
    compute: (_key, split) => planSplit(split),
  })
  const plans = valuesOf(graph, planned, 'splitPlans')
  const splitsByApex = graph.index('splitsByApex', plans, ({ apex }) => [apex])
  const checked = graph.derive({
    name: 'checkSplits',
    over: plans,
    reads: { exists, splitsByApex, hasGroup },
    compute: (_key, plan, read) => ({ findings: checkSplit(plan, read) }),
  })
  const routed = graph.derive({
    name: 'compileRoutes',
    over: ports,
    reads: { splitsByApex, plans, exists, ports, populated, groups },
    compute: (key, port, read) => compileRoutes(key, port, read, config),
  })
  return {
    services,
    endpoints,
    groups,
    plans,
    routes: valuesOf(graph, routed, 'routes'),
    findings: {
      endpoints: findingsBySubject(graph, located),
      groups: findingsBySubject(graph, grouped),
      plans: findingsBySubject(graph, planned),
      splits: findingsBySubject(graph, checked),
      routes: findingsBySubject(graph, routed),
    },
  }
}

type Accesses = ReturnType<typeof compileAccesses>

/** What workloads listen on, and who may speak to them. */
function compileAccesses(graph: Graph, facts: FactTables, config: MeshConfig, pods: Pods, { groups }: Routing) {
  const { traits, servicesOfPod, podsByLabel, podsByAccount, used, declared } = pods
  const worked = graph.derive({
    name: 'compileWorkloads',
    over: pods.podsByWorkload,
    reads: { traits, servicesOfPod, services: facts.services },
    compute: (key, members, read) => compileWorkload(key, members, read),
  })
  const compiled = valuesOf(graph, worked, 'compiledWorkloads')
  const workloadPorts = graph.expand({
    name: 'workloadPorts',
    over: compiled,
    compute: (_key, one) => workloadPortRows(one),
  })
  const bound = graph.derive({
    name: 'compileBindings',
    over: facts.identityBindings,
    reads: { traits, podsByLabel, podsByAccount, used, declared },
    compute: (_key, binding, { used, declared, ...read }) =>
      compileBinding(
        binding,
        { ...read, accounts: account => used(account) ?? declared(account) !== undefined },
        config,
      ),
  })
  const granted = graph.derive({
    name: 'compileGrants',
    over: facts.trafficTargets,
    reads: {
      bindings: valuesOf(graph, bound, 'bindings'),
      groups,
      tcpRoutes: facts.tcpRoutes,
      udpRoutes: facts.udpRoutes,
      used,
      declared,
    },
    compute: (_key, target, { used, declared, ...read }) =>
      compileGrant(target, { ...read, accounts: account => used(account) ?? declared(account) !== undefined }, config),
  })
  const grants = valuesOf(graph, granted, 'grants')
  const grantsByDestination = graph.index('grantsByDestination', grants, ({ destinations }) => destinations)
  const judged = graph.derive({
    name: 'compileAccess',
    over: workloadPorts,
    reads: { namespaces: facts.namespaces, grantsByDestination, grants },
    compute: (key, port, read) => compileAccess(key, port, read, config),
  })
  const udp = graph.derive({
    name: 'udpRoutes',
    over: facts.udpRoutes,
    compute: (_key, { ref }) => ({ findings: [finding(ref, 'Unsupported', '', UDP)] }),
  })
  return {
    grants,
    workloads: graph.derive({ name: 'workloads', over: compiled, compute: (_key, { workload }) => workload }),
    access: valuesOf(graph, judged, 'access'),
    findings: {
      workloads: findingsBySubject(graph, worked),
      bindings: findingsBySubject(graph, bound),
      grants: findingsBySubject(graph, granted),
      access: findingsBySubject(graph, judged),
      udp: findingsBySubject(graph, udp),
    },
  }
}

const UDP = 'UDP is not carried out: the mesh does not touch it. Protect UDP by a NetworkPolicy.'

/** Whose proxies are told of which Services. */
function compileTelling(
  graph: Graph,
  facts: FactTables,
  config: MeshConfig,
  { backing }: Pods,
  { plans }: Routing,
  { grants }: Accesses,
) {
  const links = graph.view('splitLinks', plans, linkOf)
  const linksByApex = graph.index('linksByApex', links, ({ apex }) => [apex])
  const linksByBackend = graph.index('linksByBackend', links, ({ backends }) => backends)
  const linked = { links, linksByApex, linksByBackend }
  const openByItself = graph.derive({
    name: 'openByItself',
    over: backing,
    reads: { namespaces: facts.namespaces },
    compute: (key, behind, read) => isOpenByItself(key, behind, read.namespaces, config),
  })
  const inviting = graph.derive({
    name: 'inviting',
    over: openByItself,
    reads: { openByItself, ...linked },
    compute: (key, _open, read) => isInviting(key, read.openByItself, read),
  })
  const exposure = graph.derive({
    name: 'exposure',
    over: inviting,
    reads: { inviting, ...linked },
    compute: (key, _inviting, read) => exposureOf(key, read.inviting, read),
  })
  const reach = graph.derive({
    name: 'reach',
    over: graph.index('grantsBySource', grants, ({ sources }) => sources),
    reads: {
      grants,
      servicesByAccount: graph.index('servicesByAccount', backing, ({ accounts }) => accounts),
      exposure,
      ...linked,
    },
    compute: (identity, targets, read) => reachOf(identity, targets, read),
  })
  return { exposure, reach }
}
