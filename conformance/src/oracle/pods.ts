/** Services and the pods behind them, read straight from the objects: selectors, named ports, readiness. */
import type { Name, RawObject, World } from '../world.ts'
import { fields, list, metadata, nameOf, ofKind, sameName, text, texts } from './read.ts'

export interface PodView {
  readonly name: Name
  readonly account: string
  readonly labels: Readonly<Record<string, string>>
  readonly ready: boolean
  /** A sidecar stands before it, so it has an identity and is asked before it is reached. */
  readonly meshed: boolean
  readonly object: RawObject
}

export interface ServiceView {
  readonly name: Name
  readonly ports: readonly number[]
  readonly object: RawObject
}

export function pods(world: World): readonly PodView[] {
  return ofKind(world.objects, 'Pod').map(object => {
    const spec = fields(object['spec'])
    return {
      name: nameOf(object),
      account: text(spec['serviceAccountName']) || 'default',
      labels: texts(metadata(object)['labels']),
      ready: isReady(object),
      meshed: fields(metadata(object)['annotations'])['smi-mesh.dev/inject'] !== 'disabled',
      object,
    }
  })
}

export function pod(world: World, name: Name): PodView | undefined {
  return pods(world).find(one => sameName(one.name, name))
}

export function service(world: World, name: Name): ServiceView | undefined {
  return services(world).find(one => sameName(one.name, name))
}

export function services(world: World): readonly ServiceView[] {
  return ofKind(world.objects, 'Service').map(object => ({
    name: nameOf(object),
    ports: list(fields(object['spec'])['ports']).map(port => Number(fields(port)['port'])),
    object,
  }))
}

/** A Service selects the pods of its namespace that bear all labels of its selector; an empty one selects nothing. */
export function selects({ name, object }: ServiceView, pod: PodView): boolean {
  const selector = Object.entries(texts(fields(object['spec'])['selector']))
  return (
    pod.name.namespace === name.namespace &&
    selector.length > 0 &&
    selector.every(([key, value]) => pod.labels[key] === value)
  )
}

/** Who answers for a port of a Service: ready pods that it selects and that have the port it names. */
export function endpoints(world: World, of: ServiceView, port: number): readonly (PodView & { readonly at: number })[] {
  return pods(world).flatMap(pod => {
    const at = targetPort(of, port, pod)
    return at !== undefined && pod.ready && selects(of, pod) ? [{ ...pod, at }] : []
  })
}

/** The port of a pod behind a port of a Service: a number, the name of a container's port, or the same number. */
export function targetPort({ object }: ServiceView, port: number, pod: PodView): number | undefined {
  const entry = list(fields(object['spec'])['ports'])
    .map(fields)
    .find(one => Number(one['port']) === port)
  if (entry === undefined) return undefined
  const target = entry['targetPort'] ?? port
  if (typeof target === 'number') return target
  const named = list(fields(pod.object['spec'])['containers'])
    .flatMap(container => list(fields(container)['ports']))
    .map(fields)
    .find(one => one['name'] === target)
  return named === undefined ? undefined : Number(named['containerPort'])
}

/** What a Service says is spoken on one of its ports; `unsaid` where neither `appProtocol` nor the port's name tells. */
export function protocol({ object }: ServiceView, port: number): 'http' | 'bytes' | 'unsaid' {
  const entry = list(fields(object['spec'])['ports'])
    .map(fields)
    .find(one => Number(one['port']) === port)
  const said = text(entry?.['appProtocol']) || text(entry?.['name']).split('-')[0]
  if (said === 'tcp') return 'bytes'
  return said === 'http' || said === 'http2' || said === 'grpc' || said === 'kubernetes.io/h2c' ? 'http' : 'unsaid'
}

function isReady(object: RawObject): boolean {
  const conditions = list(fields(object['status'])['conditions']).map(fields)
  return conditions.some(condition => condition['type'] === 'Ready' && condition['status'] === 'True')
}
