/** The proxies of pods that nobody runs: each with the token of its own pod, as kubelet would give it, over TLS. */
import { type ChildProcess, fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fields, fieldsOf, textOf } from '../../src/facts/read.ts'
import { type KubernetesClient, RESOURCES } from '../../src/kubernetes/index.ts'
import type { Command, ProxySpec, Report } from '../proxies.ts'
import { type Ask, each, told } from './ask.ts'

const XDS_ADDRESS = '127.0.0.1:15010'
/** What pods mount; see docs/design/cluster.md. */
const AUDIENCE = 'smi-mesh'
const TRUST = { name: 'smi-mesh-trust', key: 'roots.pem' }
const AT_ONCE = 8

export class Proxied {
  readonly #child: ChildProcess = fork(join(import.meta.dirname, '../proxies.ts'))
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** `begin` is called once all have their tokens. */
  async connect(ask: Ask, client: KubernetesClient, pods: readonly Fields[], begin: () => void): Promise<void> {
    const specs: ProxySpec[] = []
    await each(pods, AT_ONCE, async pod => {
      const { name, namespace } = placeOf(pod)
      specs.push({ nodeId: `${name}.${namespace}`, proof: { kind: 'token', token: await tokenOf(ask, pod) } })
    })
    const proxies = join(this.#folder, 'proxies.json')
    writeFileSync(proxies, JSON.stringify(specs), { mode: 0o600 })
    const [{ namespace } = { namespace: '' }] = pods.map(placeOf)
    const trust = await client.get(RESOURCES.configMaps, { namespace, name: TRUST.name })
    const ca = join(this.#folder, 'ca.pem')
    writeFileSync(ca, textOf(fieldsOf(trust['data'])[TRUST.key]))
    begin()
    await this.#command({ kind: 'connect', address: XDS_ADDRESS, proxies, ca })
  }

  /** What there is to report once so many responses have been acknowledged in all. */
  async expect(responses: number): Promise<Report> {
    return await this.#command({ kind: 'expect', responses })
  }

  async report(): Promise<Report> {
    return await this.#command({ kind: 'report' })
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }

  async #command(command: Command): Promise<Report> {
    const { promise, resolve, reject } = Promise.withResolvers<Report>()
    const gone = () => reject(new Error('The process of the proxies has ended.'))
    this.#child.once('exit', gone)
    this.#child.once('message', report => resolve(report as Report))
    this.#child.send(command)
    return await promise.finally(() => this.#child.off('exit', gone))
  }
}

/** TokenRequest, bound to the pod. */
async function tokenOf(ask: Ask, pod: Fields): Promise<string> {
  const { name, namespace, uid } = placeOf(pod)
  const account = textOf(fieldsOf(pod['spec'])['serviceAccountName'], 'default')
  const answer = await told(ask, {
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [AUDIENCE],
        expirationSeconds: 3600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  })
  return textOf(fieldsOf(fieldsOf(answer)['status'])['token'])
}

export function placeOf(object: Fields): { readonly namespace: string; readonly name: string; readonly uid: string } {
  const { namespace, name, uid } = fieldsOf(object['metadata'])
  return { namespace: textOf(namespace), name: textOf(name), uid: textOf(uid) }
}
