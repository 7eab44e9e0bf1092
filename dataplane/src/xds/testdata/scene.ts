/** A catalog of one workload and a server over it, for tests at the wire. */
import { ServerCredentials } from '@grpc/grpc-js'
import { podKey } from '../../mesh/keys.ts'
import { type EnvoyResource, TypeUrl } from '../../mesh/resource.ts'
import { Catalog } from '../catalog.ts'
import { XdsServer, type XdsServerOptions } from '../server.ts'
import { AdsClient } from './ads-client.ts'
import { envoyResource, group, scopeKey } from './make.ts'

export const SCOPE = scopeKey('shop/web')
export const NODE = { id: 'web-1.shop', cluster: 'web' }

export class Scene implements AsyncDisposable {
  readonly catalog = new Catalog()
  readonly server: XdsServer
  readonly clients: AdsClient[] = []
  port = 0

  constructor(options: Partial<XdsServerOptions> = {}) {
    const admit = () => ({ kind: 'admitted', scope: SCOPE, pod: podKey('shop', 'web-1') }) as const
    this.catalog.commit({ put: [], remove: [], scopes: [[SCOPE, [group('all'), group('own')]]] })
    this.server = new XdsServer({ catalog: this.catalog, admit, stopMs: 100, ...options })
  }

  async listen(): Promise<this> {
    this.port = await this.server.listen('127.0.0.1:0', ServerCredentials.createInsecure())
    return this
  }

  client(): AdsClient {
    const client = new AdsClient(this.port)
    this.clients.push(client)
    return client.read()
  }

  /** Publishes clusters `name: text` (or their removal, by undefined) and tells the proxies. */
  clusters(texts: Readonly<Record<string, string | undefined>>): void {
    this.publish(TypeUrl.cluster, texts)
  }

  publish(type: TypeUrl, texts: Readonly<Record<string, string | undefined>>, of = 'all'): void {
    const put: EnvoyResource[] = []
    const remove: EnvoyResource[] = []
    for (const [name, text] of Object.entries(texts)) {
      const list = text === undefined ? remove : put
      list.push(envoyResource(group(of), type, name, text ?? ''))
    }
    this.catalog.commit({ put, remove, scopes: [] })
    this.server.push()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close()
    await this.server.stop()
  }
}

export async function scene(options: Partial<XdsServerOptions> = {}): Promise<Scene> {
  return await new Scene(options).listen()
}
