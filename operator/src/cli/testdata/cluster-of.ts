/** A cluster for tests of commands that ask one: objects in memory, found as an API server would find them. */
import { type Fields, fieldsOf, textOf, textsOf } from '../../facts/read.ts'
import type { ObjectName, Resource } from '../../kubernetes/index.ts'
import { MeshError } from '../../mesh-error.ts'
import type { Looking } from '../look.ts'

type Api = Looking['api']

/** An object of an API: as a user would write it, `kind` and `metadata` above all. */
export function clusterOf(
  objects: readonly Fields[],
  answers: Partial<Api> = {},
): Api & { readonly created: Fields[] } {
  const created: Fields[] = []
  return {
    created,
    get: async (resource, at) => {
      const found = objects.find(object => isOf(object, resource) && isAt(object, at))
      if (found === undefined) throw new MeshError('ApiNotFound', `There is no ${resource.kind} ${at.name}.`)
      return found
    },
    list: async function* (resource, { namespace = '', labelSelector = '', fieldSelector = '' } = {}) {
      const items = objects.filter(
        object =>
          isOf(object, resource) &&
          (namespace === '' || metadata(object)['namespace'] === namespace) &&
          selects(labelSelector, textsOf(metadata(object)['labels'])) &&
          selects(fieldSelector, { 'metadata.name': textOf(metadata(object)['name']) }),
      )
      yield { items, resourceVersion: '1' }
    },
    create: async (_resource, object) => {
      created.push(object)
      return object
    },
    postReview: async () => ({ allowed: true }),
    served: async () => [],
    version: async () => ({ major: '1', minor: '36', gitVersion: 'v1.36.3' }),
    fromPod: async () => '',
    ...answers,
  }
}

function metadata(object: Fields): Fields {
  return fieldsOf(object['metadata'])
}

function isOf(object: Fields, { kind }: Resource): boolean {
  return object['kind'] === kind
}

function isAt(object: Fields, { namespace, name }: ObjectName): boolean {
  return textOf(metadata(object)['namespace']) === namespace && metadata(object)['name'] === name
}

function selects(selector: string, values: Readonly<Record<string, string>>): boolean {
  return selector
    .split(',')
    .filter(Boolean)
    .every(one => {
      const [name = '', value] = one.split('=')
      return values[name] === value
    })
}
