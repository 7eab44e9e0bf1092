/**
 * What is known of a resource's objects: which there are, and in which version each was last told. Holds no object; those are
 * handed on, become facts, and are forgotten. Knows nothing of connections.
 */
import { type Fields, fieldsOf, textOf } from '../facts/read.ts'
import { apiVersionText, type Resource } from '../kubernetes/index.ts'
import type { SourceChange } from './source.ts'

/** Where a person would edit what comes from here. */
export const CLUSTER = 'the cluster'

interface Identity {
  readonly key: string
  readonly namespace: string
  readonly name: string
  readonly resourceVersion: string
}

/** Undefined of what bears no name or no version: no API server sends such an object. */
function identityOf(object: Fields): Identity | undefined {
  const metadata = fieldsOf(object['metadata'])
  const [namespace, name] = [textOf(metadata['namespace']), textOf(metadata['name'])]
  const resourceVersion = textOf(metadata['resourceVersion'])
  if (name === '' || resourceVersion === '') return undefined
  return { key: `${namespace}/${name}`, namespace, name, resourceVersion }
}

export type Noted =
  | { readonly kind: 'changed'; readonly key: string; readonly change: SourceChange }
  | { readonly kind: 'same' }
  | { readonly kind: 'unreadable' }

/** A list under way. What it lacks may go once it has been read to its end. */
export interface ListUnderWay {
  readonly seen: Set<string>
  /** An object that could not be read might be any of those that are missing. */
  isWhole: boolean
}

export class Reflected {
  readonly #versions = new Map<string, string>()

  get size(): number {
    return this.#versions.size
  }

  /** An object as it is now. */
  put(resource: Resource, object: Fields): Noted {
    const found = identityOf(object)
    if (found === undefined) return { kind: 'unreadable' }
    const { key, resourceVersion } = found
    if (this.#versions.get(key) === resourceVersion) return { kind: 'same' }
    this.#versions.set(key, resourceVersion)
    return { kind: 'changed', key, change: changeOf(resource, found, trimmed(resource, object)) }
  }

  /** An object that is gone, as it was last. */
  drop(resource: Resource, object: Fields): Noted {
    const found = identityOf(object)
    if (found === undefined) return { kind: 'unreadable' }
    if (!this.#versions.delete(found.key)) return { kind: 'same' }
    return { kind: 'changed', key: found.key, change: changeOf(resource, found, undefined) }
  }

  /** One page of a list. */
  page(resource: Resource, items: readonly Fields[], list: ListUnderWay): readonly SourceChange[] {
    const changes: SourceChange[] = []
    for (const item of items) {
      const noted = this.put(resource, item)
      const found = identityOf(item)
      if (found === undefined) list.isWhole = false
      else list.seen.add(found.key)
      if (noted.kind === 'changed') changes.push(noted.change)
    }
    return changes
  }

  /** What a list that was read to its end shows to be gone. */
  missing(resource: Resource, { seen, isWhole }: ListUnderWay): readonly SourceChange[] {
    if (!isWhole) return []
    const gone = [...this.#versions.keys()].filter(key => !seen.has(key))
    return gone.map(key => {
      this.#versions.delete(key)
      const [namespace = '', name = ''] = key.split('/')
      return changeOf(resource, { namespace, name }, undefined)
    })
  }

  /** How many objects differ from a list of versions by key, apart from those that changed while it was made. */
  differences(listed: ReadonlyMap<string, string>, touched: ReadonlySet<string>): number {
    let count = 0
    for (const [key, version] of listed) if (!touched.has(key) && this.#versions.get(key) !== version) count++
    for (const key of this.#versions.keys()) if (!touched.has(key) && !listed.has(key)) count++
    return count
  }

  /** The objects are to be told anew, for they come in another version of their API. */
  forgetVersions(): void {
    for (const key of this.#versions.keys()) this.#versions.set(key, '')
  }
}

/** Names and versions of a page, as an audit compares them. */
export function versionsIn(items: readonly Fields[], into: Map<string, string>): void {
  for (const item of items) {
    const found = identityOf(item)
    if (found !== undefined) into.set(found.key, found.resourceVersion)
  }
}

/** Items of lists lack what they are; and who wrote which field, half the size of an object, is nobody's concern here. */
function trimmed(resource: Resource, object: Fields): Fields {
  const { managedFields: _managedFields, ...metadata } = fieldsOf(object['metadata'])
  return { ...object, apiVersion: apiVersionText(resource), kind: resource.kind, metadata }
}

function changeOf(
  { kind }: Resource,
  { namespace, name }: Pick<Identity, 'namespace' | 'name'>,
  object: Fields | undefined,
): SourceChange {
  return { ref: { kind, namespace, name }, object, origin: CLUSTER }
}
