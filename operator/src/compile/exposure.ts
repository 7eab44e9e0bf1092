/**
 * Which Services whose proxies are told of, so that a proxy holds what it may use and little more. Never the security boundary:
 * servers decide. Errs towards telling: whoever could be let in must be told, and told of all that routes may lead to.
 */
import type { Exposure, MeshConfig, PodKey, Reach, ServiceKey, SpiffeId } from '@smi-mesh/dataplane/mesh'
import { parseServiceKey } from '@smi-mesh/dataplane/mesh'
import type { NameKey } from '../facts/fact-tables.ts'
import type { NamespaceFacts } from '../facts/facts.ts'
import { modeOf } from './access.ts'
import type { Grant } from './grant.ts'
import type { PodTraits, SliceMembers } from './pod.ts'
import type { SplitPlan } from './split-plan.ts'

/** Who stands behind a Service, without who exactly: unchanged while pods come and go. */
export interface Backing {
  /** ServiceAccounts and identities of the pods in the mesh, sorted. */
  readonly accounts: readonly NameKey[]
  readonly identities: readonly SpiffeId[]
  /** Whether somebody may be reached without any TrafficTarget: outside the mesh, or nobody at all. */
  readonly unguarded: boolean
}

export interface BackingScenery {
  readonly podsByService: (service: ServiceKey) => ReadonlySet<PodKey>
  readonly traits: (pod: PodKey) => PodTraits | undefined
  readonly slicesByService: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly sliceMembers: (slice: NameKey) => SliceMembers | undefined
}

/** A Service with nobody behind it counts as unguarded: its callers shall hear 503, not 403, while it is scaled to nothing. */
export function backingOf(service: ServiceKey, scenery: BackingScenery): Backing {
  const pods = [...scenery.podsByService(service)].flatMap(pod => scenery.traits(pod) ?? [])
  const meshed = pods.filter(pod => pod.meshed)
  const foreign = [...scenery.slicesByService(service)].some(slice => scenery.sliceMembers(slice)?.foreign)
  return {
    accounts: [...new Set(meshed.map(pod => pod.account))].sort(),
    identities: [...new Set(meshed.map(pod => pod.identity))].sort(),
    unguarded: pods.length === 0 || meshed.length < pods.length || foreign,
  }
}

/** Which Services a split connects, whatever the weights: a shift of traffic changes nobody's view. */
export interface SplitLink {
  readonly apex: ServiceKey
  readonly backends: readonly ServiceKey[]
}

export function linkOf({ apex, backends }: SplitPlan): SplitLink {
  return { apex, backends: backends.map(({ service }) => service).sort() }
}

export interface LinkScenery {
  readonly linksByApex: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly linksByBackend: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly links: (split: NameKey) => SplitLink | undefined
}

function backendsOf(service: ServiceKey, { linksByApex, links }: LinkScenery): readonly ServiceKey[] {
  return [...linksByApex(service)].flatMap(split => links(split)?.backends ?? [])
}

function apexesOf(service: ServiceKey, { linksByBackend, links }: LinkScenery): readonly ServiceKey[] {
  return [...linksByBackend(service)].flatMap(split => links(split)?.apex ?? [])
}

/** Everything that can be reached by following `next`, the starting points included. */
function closure(
  from: Iterable<ServiceKey>,
  next: (service: ServiceKey) => readonly ServiceKey[],
): ReadonlySet<ServiceKey> {
  const found = new Set(from)
  for (const service of found) for (const one of next(service)) found.add(one) // a Set's loop visits what is added to it
  return found
}

/** Whether a caller without any TrafficTarget could be let in behind this Service alone. */
export function isOpenByItself(
  service: ServiceKey,
  backing: Backing,
  namespaces: (namespace: string) => NamespaceFacts | undefined,
  config: MeshConfig,
): boolean {
  return backing.unguarded || modeOf(namespaces(parseServiceKey(service).namespace), config).mode !== 'enforce'
}

/** Whether such a caller could be let in behind this Service or behind a backend that its splits lead to. */
export function isInviting(
  service: ServiceKey,
  openByItself: (service: ServiceKey) => boolean | undefined,
  links: LinkScenery,
): boolean {
  return [service, ...backendsOf(service, links)].some(one => openByItself(one))
}

/** Open where it invites, and where an open apex leads to it: whoever is told of routes must know the clusters they name. */
export function exposureOf(
  service: ServiceKey,
  inviting: (service: ServiceKey) => boolean | undefined,
  links: LinkScenery,
): Exposure {
  const above = closure([service], one => apexesOf(one, links).filter(apex => inviting(apex) !== undefined))
  return [...above].some(one => inviting(one)) ? 'open' : 'restricted'
}

export interface ReachScenery extends LinkScenery {
  readonly grants: (target: NameKey) => Grant | undefined
  readonly servicesByAccount: (account: NameKey) => ReadonlySet<ServiceKey>
  readonly exposure: (service: ServiceKey) => Exposure | undefined
}

/** What an identity may call at all: Services behind which a grant opens somebody, their apexes, and all that those lead to. */
export function reachOf(identity: SpiffeId, targets: ReadonlySet<NameKey>, scenery: ReachScenery): Reach {
  const granted = [...targets].flatMap(target => scenery.grants(target) ?? []).filter(({ rules }) => rules.length > 0)
  const opened = granted.flatMap(({ destinations }) =>
    destinations.flatMap(account => [...scenery.servicesByAccount(account)]),
  )
  const called = [...opened, ...opened.flatMap(service => apexesOf(service, scenery))]
  const known = closure(called, service => backendsOf(service, scenery))
  return { identity, services: [...known].filter(service => scenery.exposure(service) === 'restricted').sort() }
}
