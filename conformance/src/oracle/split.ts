/** Where a client's sidecar sends a request: TrafficSplit, by the SMI text. */
import type { Call, Name, RawObject, World } from '../world.ts'
import { fitsGroup } from './http.ts'
import { endpoints, type ServiceView, service } from './pods.ts'
import { fields, list, metadata, nameOf, ofKind, text } from './read.ts'

export interface Share {
  readonly service: ServiceView
  readonly weight: number
}

/** The backends of a request with weights above zero; none at all where a split says that nobody shall have it. */
export function shares(world: World, apex: ServiceView, port: number, call: Call): readonly Share[] {
  for (const split of splitsOf(world, apex.name)) {
    if (!fitsSplit(world, split, call)) continue
    if (backendsOf(split).every(backend => quantity(backend['weight']) === 0)) return []
    const backends = usable(world, split, port).filter(({ weight }) => weight > 0)
    // "The backend service is not included": a split with nobody left to get a share is as if it did not exist.
    if (backends.length > 0) return withSomebodyThere(world, backends, port)
  }
  return [{ service: apex, weight: 1 }]
}

/** Oldest first, then by name, so that a newcomer never changes what works. */
export function splitsOf(world: World, apex: Name): readonly RawObject[] {
  const born = (split: RawObject) => text(metadata(split)['creationTimestamp'])
  return ofKind(world.objects, 'TrafficSplit')
    .filter(split => namesService(text(fields(split['spec'])['service']), nameOf(split).namespace, apex, world))
    .toSorted((a, b) => compare(born(a), born(b)) || compare(nameOf(a).name, nameOf(b).name))
}

/** "service: the FQDN that applications use"; every example writes the short name. Never one of another namespace. */
function namesService(written: string, namespace: string, apex: Name, { config }: World): boolean {
  const { name } = apex
  const spellings = [
    name,
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.${config.clusterDomain}`,
  ]
  return apex.namespace === namespace && spellings.includes(written.replace(/\.$/, ''))
}

/** "If matches are given, only requests that fit go by the weights"; all others are for the Service itself. */
function fitsSplit(world: World, split: RawObject, call: Call): boolean {
  const matches = list(fields(split['spec'])['matches']).map(fields)
  if (matches.length === 0) return true
  return matches.some(
    match =>
      match['kind'] === 'HTTPRouteGroup' &&
      call.kind === 'http' &&
      fitsGroup(world, { namespace: nameOf(split).namespace, name: text(match['name']) }, undefined, call),
  )
}

/** "There must be a match between a port on the root service and a port on every destination backend service." */
function usable(world: World, split: RawObject, port: number): readonly Share[] {
  return backendsOf(split).flatMap(backend => {
    const found = service(world, { namespace: nameOf(split).namespace, name: text(backend['service']) })
    return found?.ports.includes(port) ? [{ service: found, weight: quantity(backend['weight']) }] : []
  })
}

export function backendsOf(split: RawObject): readonly RawObject[] {
  return list(fields(split['spec'])['backends']).map(fields)
}

/** A backend where nobody is ready leaves its share to the others, unless the mesh is told to let it fail. */
function withSomebodyThere(world: World, backends: readonly Share[], port: number): readonly Share[] {
  if (world.config.emptyBackends === 'fail') return backends
  const inhabited = backends.filter(backend => endpoints(world, backend.service, port).length > 0)
  return inhabited.length > 0 ? inhabited : backends
}

const SCALE: Readonly<Record<string, number>> = { m: 1, '': 1e3, k: 1e6, M: 1e9 }

/** A weight in thousandths: a whole number, or in v1alpha1 a Kubernetes quantity such as `500m`. */
function quantity(value: unknown): number {
  const [, digits = '0', suffix = ''] = /^([0-9.]+)([mkM]?)$/.exec(String(value)) ?? []
  return Math.round(Number(digits) * (SCALE[suffix] ?? 0))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
