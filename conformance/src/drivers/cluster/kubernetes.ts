/** What the suite asks of a Kubernetes, whichever it is. */
import type { ObjectName } from '../../case.ts'
import { fields, list, metadata, text } from '../../oracle/read.ts'
import type { RawObject } from '../../world.ts'
import type { ApiServer, Reply } from './api-server.ts'
import { Paths } from './paths.ts'

export interface Kubernetes {
  apply(objects: readonly RawObject[]): Promise<void>
  /** The same, where a mesh may refuse some of them: to refuse an object that has no effect is one way to give it none. */
  offer(objects: readonly RawObject[]): Promise<void>
  /** Resolves once they are gone. */
  delete(names: readonly ObjectName[]): Promise<void>
  /** Why the API server would not take an object; undefined where it would. */
  refusalOf(object: RawObject): Promise<string | undefined>
  /** In a version of its API, or in one that the server chooses. */
  read(name: ObjectName, version?: string): Promise<RawObject | undefined>
  pods(namespace: string, label: string): Promise<readonly RawObject[]>
  get(path: string): Promise<unknown>
}

/** Namespaces take a while. */
const GONE_MS = 120_000
const LOOK_MS = 100

export function kubernetes(api: ApiServer): Kubernetes {
  const paths = new Paths(api)
  const patch = (object: RawObject, dryRun = false) => {
    const query = `fieldManager=smi-conformance&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`
    const body = { type: 'application/apply-patch+yaml', text: JSON.stringify(object) } // JSON is YAML
    return api.ask({ method: 'PATCH', path: `${paths.ofObject(object)}?${query}`, body })
  }
  const get = async (path: string) => good(await api.ask({ method: 'GET', path }), `reading ${path}`)
  const found = async (path: string) => {
    const reply = await api.ask({ method: 'GET', path })
    return reply.status === 404 ? undefined : good(reply, `reading ${path}`)
  }
  const remove = async (name: ObjectName) => {
    const path = await paths.ofName(name)
    const reply = await api.ask({ method: 'DELETE', path })
    if (reply.status === 404) return
    const deadline = performance.now() + GONE_MS
    // A server answers with the object itself where something has to happen before it goes.
    let leaving = text(good(reply, `deleting ${path}`)['kind']) !== 'Status'
    while (leaving) {
      leaving = (await found(path)) !== undefined
      if (leaving && performance.now() > deadline) throw new Error(`${path} was deleted, and is there still.`)
      if (leaving) await pause(LOOK_MS)
    }
  }
  return {
    apply: async objects => {
      for (const object of objects) good(await patch(object), `applying ${nameText(object)}`)
    },
    offer: async objects => {
      for (const object of objects) {
        const reply = await patch(object)
        if (!isDenied(reply)) good(reply, `applying ${nameText(object)}`)
      }
    },
    delete: async names => {
      await Promise.all(names.map(remove))
    },
    refusalOf: async object => {
      const reply = await patch(object, true)
      if (reply.status < 300) return undefined
      const said = text(reply.body['message'])
      if (isDenied(reply) || REFUSED.has(reply.status) || UNTYPED.test(said)) return said
      throw new Error(`A dry run of ${nameText(object)}: ${reply.status} ${said}`)
    },
    read: async (name, version) => found(await paths.ofName(name, version)),
    pods: async (namespace, label) => {
      const { items } = { items: [], ...(await get(`/api/v1/namespaces/${namespace}/pods?labelSelector=${label}`)) }
      return list(items).map(fields)
    },
    get,
  }
}

/** The schema says no. */
const REFUSED: ReadonlySet<number> = new Set([400, 422])
/** A value of the wrong type, for which servers have no status of their own. */
const UNTYPED = /failed to create typed patch/

/** By a mesh. */
function isDenied({ status, body }: Reply): boolean {
  return status >= 400 && /admission webhook "[^"]*" denied the request/.test(text(body['message']))
}

function good({ status, body }: Reply, what: string): RawObject {
  if (status < 300) return body
  throw new Error(`${what}: ${status} ${text(body['message'])}`)
}

function nameText(object: RawObject): string {
  const { namespace, name } = metadata(object)
  return `${text(object['kind'])} ${text(namespace)}/${text(name)}`
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Ready, and not on its way out. */
export function isReady(pod: RawObject): boolean {
  const conditions = list(fields(pod['status'])['conditions']).map(fields)
  const leaving = fields(pod['metadata'])['deletionTimestamp'] !== undefined
  return !leaving && conditions.some(({ type, status }) => text(type) === 'Ready' && text(status) === 'True')
}

/** Whether a mesh has said something of the object as it is now. */
export function isObserved(object: RawObject): boolean {
  const { generation } = metadata(object)
  const conditions = list(fields(object['status'])['conditions']).map(fields)
  return conditions.length > 0 && conditions.every(({ observedGeneration }) => observedGeneration === generation)
}
