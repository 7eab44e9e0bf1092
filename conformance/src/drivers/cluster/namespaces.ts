/** Namespaces of cases under other names in a cluster, where `default` and `foobar` may belong to somebody else. */
import { fields, list } from '../../oracle/read.ts'

export interface NamespaceNames {
  /** Whatever a case says, as the cluster has to hear it. */
  place<T>(value: T): T
  /** Whatever the cluster says, as the case would have it. */
  back<T>(value: T): T
  of(namespace: string): string
}

export function namespaceNames(group: string, namespaces: readonly string[]): NamespaceNames {
  const names = namespaces.map(name => [name, `smi-conformance-${group}-${name}`] as const)
  const forth = renaming(names)
  const back = renaming(names.map(([name, placed]) => [placed, name] as const))
  return { place: value => walk(value, forth), back: value => walk(value, back), of: name => forth(name, true) }
}

type Rename = (text: string, whole: boolean) => string

/** A name by itself where a namespace is meant; in other texts only where DNS, SPIFFE and paths of the API have one. */
function renaming(names: readonly (readonly [string, string])[]): Rename {
  return (text, whole) => {
    for (const [from, to] of names) {
      if (whole && text === from) return to
      const pattern = new RegExp(`(/ns/|/namespaces/|^[a-z0-9-]+\\.)${from}(?=[/:?]|\\.svc|$)`, 'g')
      const renamed = text.replace(pattern, `$1${to}`)
      if (renamed !== text) return renamed
    }
    return text
  }
}

function walk<T>(value: T, rename: Rename, named?: boolean): T
function walk(value: unknown, rename: Rename, named = false): unknown {
  if (typeof value === 'string') return rename(value, false)
  if (Array.isArray(value)) return list(value).map(item => walk(item, rename))
  if (typeof value !== 'object' || value === null) return value
  const isNamespace = named || fields(value)['kind'] === 'Namespace'
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      const whole = key === 'namespace' || (key === 'name' && isNamespace)
      return [
        key,
        whole && typeof item === 'string' ? rename(item, true) : walk(item, rename, isNamespace && key === 'metadata'),
      ]
    }),
  )
}
