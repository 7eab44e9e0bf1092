/** All that an API server keeps, to compare what there was with what is left. */
import type { Cluster } from './cluster.ts'

interface Item {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
  }
}

/**
 * Every object that there is, but for those that come and go by themselves or with a Service: `Secret smi-mesh/smi-mesh-authority`.
 * After it, what it bears of a mesh: `Namespace /shop with label smi-mesh.dev/inject`.
 */
export async function everyObject(cluster: Pick<Cluster, 'kubectl'>): Promise<readonly string[]> {
  const kinds = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).split('\n').filter(Boolean)
  const lasting = kinds.filter(kind => !/^(?:events|componentstatuses|apiservices|ipaddresses)/.test(kind))
  const { items } = JSON.parse(await cluster.kubectl(['get', lasting.join(','), '-A', '-o', 'json']))
  return items.map(nameOf).sort()
}

function nameOf({ kind, metadata }: Item): string {
  const { name, namespace = '', labels = {}, annotations = {}, finalizers = [] } = metadata
  const marks = [
    ...Object.keys(labels).map(key => `label ${key}`),
    ...Object.keys(annotations).map(key => `annotation ${key}`),
    ...finalizers.map(finalizer => `finalizer ${finalizer}`),
  ].filter(mark => mark.includes('smi-mesh'))
  return [`${kind} ${namespace}/${name}`, ...marks].join(' with ')
}

/**
 * Whether what there is now is what is expected: true, or what is too many and what is missing in a sentence. `of` leaves out what does
 * not matter. While kinds go, they are listed and cannot be asked for: that is an answer too.
 */
export async function isAll(
  cluster: Pick<Cluster, 'kubectl'>,
  expected: readonly string[],
  of: (name: string) => boolean = () => true,
): Promise<true | string> {
  try {
    const found = (await everyObject(cluster)).filter(of)
    const more = found.filter(name => !expected.includes(name)).map(name => `more: ${name}`)
    const less = expected.filter(name => !found.includes(name)).map(name => `less: ${name}`)
    return more.length + less.length === 0 || [...more, ...less].join(', ')
  } catch (error) {
    return String(error)
  }
}
