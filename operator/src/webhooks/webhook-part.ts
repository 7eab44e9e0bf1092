/** The part of a replica that answers the API server: which webhook is behind which path, and whether they can be called. */
import { randomBytes } from 'node:crypto'
import type { OperatorConfig } from '../config.ts'
import { type Fields, textOf } from '../facts/read.ts'
import { controlPlaneIdentity } from '../identity/index.ts'
import type { KubernetesClient } from '../kubernetes/index.ts'
import type { Part, PartContext } from '../part.ts'
import { seldom } from '../telemetry/index.ts'
import { WebhookServer } from './server.ts'
import { type WebhooksOptions, webhooks } from './webhooks.ts'

/** Whoever can reach the port may ask for any path; not each of them is a series. */
const KNOWN: ReadonlySet<string> = new Set(['/convert', '/validate', '/inject'])
/** Of our Service; see docs/design/cluster.md. */
const XDS_PORT = 15_010
/** How soon it is noticed that the API server would get no answer. */
const CHECK_MS = 5_000

export interface WebhookPartOptions extends Pick<WebhooksOptions, 'injection' | 'announcer'> {
  readonly host: string
  readonly port: number
}

export function webhookPart({
  host,
  port,
  injection,
  announcer,
}: WebhookPartOptions): (context: PartContext) => Promise<Part> {
  return async ({ config, plane, issuer, nature, log, metrics, serves }) => {
    const server = new WebhookServer({
      host,
      port,
      credentials: issuer,
      identity: controlPlaneIdentity(config.mesh.trustDomain, config.namespace),
      serverName: serviceNames(config.namespace)[0],
      webhooks: webhooks({
        whatIf: change => plane.whatIf(change),
        uninjected: namespace => plane.uninjected(namespace),
        ...{ injection, announcer, serves },
      }),
      answered: (path, status, ms) =>
        metrics.took('smi_webhook_duration_seconds', ms, {
          path: KNOWN.has(path) ? path : 'other',
          status: String(status),
        }),
      onFailure: (path, error) => log.error('mistake in a webhook', { where: path, error }),
      crowded: seldom(nature.now, address => log.warn('webhooks asked too much', { address })),
      now: nature.now,
    })
    await server.start()
    let obstacle = await server.obstacle()
    let cancel: (() => void) | undefined
    const check = () => {
      cancel = nature.setTimer(() => {
        void server.obstacle().then(found => {
          if (found !== undefined && obstacle === undefined) log.warn('webhooks not ready', { reason: found })
          obstacle = found
          if (cancel !== undefined) check()
        })
      }, CHECK_MS)
    }
    check()
    return {
      unready: () => (obstacle === undefined ? [] : [obstacle]),
      stop: async () => {
        cancel?.()
        cancel = undefined
        await server.stop()
      },
    }
  }
}

/** What the operator's configuration and its cluster say of webhooks. */
export async function webhooksOf(
  config: OperatorConfig,
  client: Pick<KubernetesClient, 'version'>,
): Promise<Omit<WebhookPartOptions, 'announcer'>> {
  const { webhooks, injection, namespace, mesh } = config
  const version = await client.version()
  return {
    ...webhooks,
    injection: {
      image: injection.image,
      imagePullPolicy: injection.imagePullPolicy,
      nativeSidecars: injection.sidecars === 'auto' ? isSince(29, version) : injection.sidecars === 'native',
      sleepingHooks: isSince(30, version),
      controlPlane: {
        address: serviceNames(namespace)[0],
        port: XDS_PORT,
        identity: controlPlaneIdentity(mesh.trustDomain, namespace),
      },
      rules: 'auto',
      hookToken: () => randomBytes(16).toString('hex'),
      defaults: injection.defaults,
    },
  }
}

/** Whether it is Kubernetes 1.`least` or later. */
function isSince(least: number, { major, minor }: Fields): boolean {
  const [first, second] = [major, minor].map(part => Number.parseInt(textOf(part), 10))
  return first !== undefined && second !== undefined && (first > 1 || (first === 1 && second >= least))
}

/** Names by which an API server may call the Service; the first is the one it uses. */
export function serviceNames(namespace: string): readonly [string, ...string[]] {
  return [`smi-mesh.${namespace}.svc`, `smi-mesh.${namespace}`]
}
