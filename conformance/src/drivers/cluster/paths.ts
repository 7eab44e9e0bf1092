/** Where an API server has objects. What it serves of SMI, and in which versions, is asked once. */
import type { ObjectName } from '../../case.ts'
import { fields, list, metadata, text } from '../../oracle/read.ts'
import type { RawObject } from '../../world.ts'
import type { ApiServer } from './api-server.ts'

/** Groups of Kubernetes' own kinds, and of SMI's, whose versions are the server's to say. */
const GROUPS: Readonly<Record<string, string>> = {
  Namespace: '/api/v1',
  ServiceAccount: '/api/v1',
  ConfigMap: '/api/v1',
  Service: '/api/v1',
  Pod: '/api/v1',
  Deployment: '/apis/apps/v1',
  HTTPRouteGroup: 'specs.smi-spec.io',
  TCPRoute: 'specs.smi-spec.io',
  UDPRoute: 'specs.smi-spec.io',
  TrafficSplit: 'split.smi-spec.io',
  TrafficTarget: 'access.smi-spec.io',
  IdentityBinding: 'access.smi-spec.io',
}

export class Paths {
  readonly #api: ApiServer
  /** The version of a kind that is read where none is named. */
  readonly #versions = new Map<string, Promise<string>>()

  constructor(api: ApiServer) {
    this.#api = api
  }

  /** In the version that it is written in. */
  ofObject(object: RawObject): string {
    const apiVersion = text(object['apiVersion'])
    const { namespace, name } = metadata(object)
    const where = { kind: text(object['kind']), namespace: text(namespace), name: text(name) }
    return pathOf(apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`, where)
  }

  async ofName(where: ObjectName, version?: string): Promise<string> {
    const group = GROUPS[where.kind]
    if (group === undefined)
      throw new Error(`The cluster driver does not know where objects of kind ${where.kind} are.`)
    if (group.startsWith('/')) return pathOf(group, where)
    return pathOf(`/apis/${group}/${version ?? (await this.#version(group, where.kind))}`, where)
  }

  #version(group: string, kind: string): Promise<string> {
    const known = this.#versions.get(kind)
    if (known !== undefined) return known
    const asked = this.#ask(group, kind)
    this.#versions.set(kind, asked)
    return asked
  }

  async #ask(group: string, kind: string): Promise<string> {
    const { body } = await this.#api.ask({ method: 'GET', path: `/apis/${group}` })
    for (const served of list(body['versions'])) {
      const version = text(fields(served)['version'])
      const { body: there } = await this.#api.ask({ method: 'GET', path: `/apis/${group}/${version}` })
      if (list(there['resources']).some(one => fields(one)['kind'] === kind)) return version
    }
    throw new Error(`The cluster serves no ${kind}: are the definitions of SMI's kinds installed?`)
  }
}

function pathOf(group: string, { kind, namespace, name }: ObjectName): string {
  if (kind === 'Namespace') return `${group}/namespaces/${name}`
  return `${group}/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`
}
