/**
 * Where the API server is and how to show who asks. The only file that knows the Kubernetes client library: kubeconfig files,
 * exec plugins, the token of a pod (read again each minute) and proxies are its business.
 */
import { Agent as HttpAgent, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions as HttpsRequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { USUAL_KEY_EXCHANGE } from '../key-exchange.ts'
import { MeshError } from '../mesh-error.ts'

/** Where to learn of the cluster. `default`: KUBECONFIG, the file in the home directory, or the pod's own account. */
export type ClusterChoice =
  | { readonly kind: 'default'; readonly context?: string }
  | { readonly kind: 'file'; readonly path: string; readonly context?: string }

/** What a request needs besides its path. */
export interface Connection {
  readonly server: URL
  /** Options with credentials, made anew for each request: tokens and certificates change under way. */
  options(): Promise<RequestOptions | HttpsRequestOptions>
  /** Told the time that each answer bears. */
  readonly heard: (date: string | undefined) => void
  close(): void
}

/** After this long without a packet, TCP asks whether the other side lives; ten unanswered seconds later it does not. */
const KEEP_ALIVE_MS = 15_000

/** Who the cluster is and who we are, as the library holds it: for `connect`, and for the base class of the operator. */
export type Kubeconfig = KubeConfig

export function connect(config: Kubeconfig, heard: Connection['heard'] = () => undefined): Connection {
  const cluster = config.getCurrentCluster()
  const server = cluster === null ? null : URL.parse(cluster.server)
  if (cluster === null || server === null) {
    const message =
      'The kubeconfig names no cluster that could be asked. Set its current-context, or name another file by --kubeconfig.'
    throw new MeshError('ConfigRefused', message)
  }
  const settings = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: 64 }
  const agent = server.protocol === 'http:' ? new HttpAgent(settings) : new HttpsAgent(settings)
  return {
    server,
    heard,
    options: async () => {
      const options: HttpsRequestOptions = { ...USUAL_KEY_EXCHANGE, headers: {} }
      await config.applyToHTTPSOptions(options)
      // The library keeps an agent with the certificates of its first request; ours tells sockets apart by certificate.
      return cluster.proxyUrl === undefined ? { ...options, agent } : options
    },
    close: () => agent.destroy(),
  }
}

/** Reads the configuration. Throws a MeshError that names the file. */
export function kubeconfigOf(choice: ClusterChoice): Kubeconfig {
  const config = new KubeConfig()
  const which = choice.kind === 'file' ? `The kubeconfig ${choice.path}` : 'The kubeconfig'
  try {
    if (choice.kind === 'file') config.loadFromFile(choice.path)
    else config.loadFromDefault()
  } catch (cause) {
    throw new MeshError('ConfigRefused', `${which} cannot be read. Check the file, or name another by --kubeconfig.`, {
      cause,
    })
  }
  if (choice.context !== undefined) setContext(config, choice.context, which)
  return config
}

/** What the library calls that which it finds without a kubeconfig. */
const UNWRITTEN = ['inClusterContext', 'loaded-context']

function setContext(config: Kubeconfig, context: string, which: string): void {
  const names = config.getContexts().map(({ name }) => name)
  if (!names.includes(context)) {
    const written = names.filter(name => !UNWRITTEN.includes(name)).sort()
    const others =
      written.length === 0
        ? ', and no other. Name another file by --kubeconfig.'
        : `. Name one that it has: ${written.join(', ')}.`
    throw new MeshError('ConfigRefused', `${which} has no context "${context}"${others}`)
  }
  config.setCurrentContext(context)
}
