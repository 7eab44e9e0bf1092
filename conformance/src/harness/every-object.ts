/** All that an API server keeps, to compare what there was with what is left. */
import type { Cluster } from './cluster.ts'

interface Item {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly finalizers?: readonly string[] }
}

/** Every object that there is, but for those that come and go by themselves or with a Service: `Secret smi-mesh/smi-mesh-authority`. */
export async function everyObject(cluster: Pick<Cluster, 'kubectl'>): Promise<readonly string[]> {
  const kinds = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).split('\n').filter(Boolean)
  const lasting = kinds.filter(kind => !/^(?:events|componentstatuses|apiservices|ipaddresses)/.test(kind))
  const { items } = JSON.parse(await cluster.kubectl(['get', lasting.join(','), '-A', '-o', 'json']))
  return items.map(({ kind, metadata }: Item) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`).sort()
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
