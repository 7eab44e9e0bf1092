/** What `smi-mesh operator` is told: words and environment → one frozen value. Nothing below looks at either. */
import { DEFAULT_MESH_CONFIG, type MeshConfig } from '@smi-mesh/dataplane/mesh'
import { Command, Option } from 'commander'
import {
  type Address,
  address,
  duration,
  isLoopback,
  type MeshOptions,
  meshConfig,
  withAuthorityFiles,
  withMeshOptions,
} from './cli/options.ts'
import type { ClusterChoice } from './kubernetes/index.ts'
import { MeshError } from './mesh-error.ts'
import { type ProxyOptions, proxySettings, withProxyOptions } from './proxy-options.ts'
import { LEVELS, type Level } from './telemetry/index.ts'
import type { ProxySettings } from './webhooks/index.ts'

export interface OperatorConfig {
  readonly mesh: MeshConfig
  readonly cluster: ClusterChoice
  /** Where the mesh itself lives: lease, authority, Service. */
  readonly namespace: string
  /** Of this replica alone. */
  readonly identity: string
  readonly leaseName: string
  readonly xds: Address
  /** Health and metrics, for whoever can connect. */
  readonly health: Address
  /** Everything else that can be asked, for this pod alone. */
  readonly admin: Address
  /** Where the API server calls. */
  readonly webhooks: Address
  readonly injection: {
    readonly image: string
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
    readonly sidecars: 'auto' | 'native' | 'classic'
    readonly defaults: ProxySettings
  }
  readonly certificateTtlMs: number
  /** Where the authority is kept instead of a Secret. */
  readonly stateDirectory: string | undefined
  /** The folder of an authority that others keep; undefined for one of our own. */
  readonly authorityFiles: string | undefined
  readonly logLevel: Level
}

interface Options extends MeshOptions, ProxyOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace: string
  readonly identity?: string
  readonly leaseName: string
  readonly xdsAddress: Address
  readonly healthAddress: Address
  readonly adminAddress: Address
  readonly webhookAddress: Address
  readonly proxyImage: string
  readonly proxyPullPolicy: 'Always' | 'IfNotPresent' | 'Never'
  readonly sidecars: 'auto' | 'native' | 'classic'
  readonly openServiceMeshLabels: MeshConfig['openServiceMeshLabels']
  readonly ipFamilies: 'auto' | 'ipv4' | 'dual'
  readonly certTtl: number
  readonly stateDir?: string
  readonly authorityFiles?: string
  readonly logLevel: Level
}

/** The part of the environment that says something. */
export interface OperatorEnvironment {
  readonly POD_NAME?: string | undefined
  readonly POD_NAMESPACE?: string | undefined
  /** All addresses of this pod, with commas between them. */
  readonly POD_IPS?: string | undefined
}

/** The command, which hands its configuration to `run`. */
export function operatorCommand(
  environment: OperatorEnvironment,
  host: string,
  run: (config: OperatorConfig) => Promise<void>,
): Command {
  const command = new Command('operator')
    .summary('run the mesh in a cluster')
    .description(
      'Follows a Kubernetes cluster, serves its proxies by delta ADS and writes the status of SMI objects. Several replicas may run:\n' +
        'all serve, the one that holds the lease writes. Ends cleanly on SIGTERM; proxies keep what they have.',
    )
  withClusterOptions(command, environment)
  withAuthorityFiles(command)
  withAddresses(command, environment)
  withInjection(command)
  return withMeshOptions(command).action((options: Options) => run(operatorConfig(options, environment, host)))
}

function withClusterOptions(command: Command, { POD_NAMESPACE, POD_NAME }: OperatorEnvironment): void {
  const named = POD_NAME === undefined ? 'the host name' : POD_NAME
  command
    .option(
      '--kubeconfig <file>',
      'which cluster, and who asks (default: KUBECONFIG, ~/.kube/config or the pod itself)',
    )
    .option('--context <name>', 'the context of that kubeconfig')
    .addOption(
      new Option(
        '--namespace <name>',
        "the namespace of the mesh; also POD_NAMESPACE, from the pod's own fields",
      ).default(POD_NAMESPACE ?? 'smi-mesh'),
    )
    .option('--identity <name>', `what this replica is called in the lease; also POD_NAME (default: ${named})`)
    .option('--lease-name <name>', 'the Lease by which replicas elect the one that writes', 'smi-mesh')
    .option('--state-dir <folder>', 'keep the authority in a folder instead of a Secret; for one replica on its own')
    .addOption(
      new Option('--cert-ttl <duration>', 'the life of a certificate; renewed at half of it')
        .argParser(duration)
        .default(duration('24h'), '24h'),
    )
    .addOption(new Option('--log-level <level>', 'the least that is logged').choices(LEVELS).default('info'))
}

function withAddresses(command: Command, environment: OperatorEnvironment): void {
  const at = (flag: string, text: string, otherwise: string) =>
    command.addOption(new Option(`${flag} <host:port>`, text).argParser(address).default(address(otherwise), otherwise))
  const anywhere = everyAddress(environment)
  at('--xds-address', 'where proxies connect', `${anywhere}:15010`)
  at('--health-address', '/healthz, /readyz and /metrics, and nothing else', `${anywhere}:15014`)
  at('--webhook-address', 'where the API server asks for conversion, validation and injection', `${anywhere}:9443`)
  at('--admin-address', 'where `smictl proxies` and /debug/… are answered; of loopback alone', '127.0.0.1:15016')
}

/** Of both families, but where this pod has addresses of IPv4 alone: a kernel without IPv6 refuses `::`. */
function everyAddress({ POD_IPS = '' }: OperatorEnvironment): '[::]' | '0.0.0.0' {
  return POD_IPS === '' || POD_IPS.includes(':') ? '[::]' : '0.0.0.0'
}

function withInjection(command: Command): void {
  command
    .option('--proxy-image <image>', 'of the proxies that pods are given', 'smi-mesh/proxy:latest')
    .addOption(
      new Option('--proxy-pull-policy <policy>', 'when nodes fetch that image')
        .choices(['Always', 'IfNotPresent', 'Never'])
        .default('IfNotPresent'),
    )
    .addOption(
      new Option('--sidecars <kind>', '`native` are init containers that restart always, of Kubernetes 1.29 and later')
        .choices(['auto', 'native', 'classic'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--open-service-mesh-labels <what>',
        'namespaces labelled openservicemesh.io/monitored-by: `honour` that as a label of ours, or `ignore` it',
      )
        .choices(['honour', 'ignore'])
        .default(DEFAULT_MESH_CONFIG.openServiceMeshLabels),
    )
    .addOption(
      new Option(
        '--ip-families <which>',
        'whether proxies accept IPv6 as well, which every node must then have; `auto` does if this pod has such an address',
      )
        .choices(['auto', 'ipv4', 'dual'])
        .default('auto'),
    )
  withProxyOptions(command)
}

/** Where pods have addresses of IPv6, connections to these are captured, and somebody must listen. */
function ipFamilies({ ipFamilies: said }: Options, { POD_IPS = '' }: OperatorEnvironment): 'ipv4' | 'dual' {
  if (said !== 'auto') return said
  return POD_IPS.includes(':') ? 'dual' : 'ipv4'
}

function operatorConfig(options: Options, environment: OperatorEnvironment, host: string): OperatorConfig {
  if (!isLoopback(options.adminAddress)) {
    const message = '--admin-address shows the whole mesh and must be of loopback, such as 127.0.0.1:15016.'
    throw new MeshError('AddressRefused', message)
  }
  return Object.freeze({
    mesh: Object.freeze({
      ...meshConfig(options),
      ipFamilies: ipFamilies(options, environment),
      proxied: 'injected',
      openServiceMeshLabels: options.openServiceMeshLabels,
    }),
    cluster: clusterChoice(options),
    namespace: options.namespace,
    identity: options.identity ?? environment.POD_NAME ?? host,
    leaseName: options.leaseName,
    xds: options.xdsAddress,
    health: options.healthAddress,
    admin: options.adminAddress,
    webhooks: options.webhookAddress,
    injection: {
      image: options.proxyImage,
      imagePullPolicy: options.proxyPullPolicy,
      sidecars: options.sidecars,
      defaults: proxySettings(options),
    },
    certificateTtlMs: options.certTtl,
    stateDirectory: options.stateDir,
    authorityFiles: options.authorityFiles,
    logLevel: options.logLevel,
  })
}

function clusterChoice({ kubeconfig: path, context }: Options): ClusterChoice {
  if (path !== undefined) return context === undefined ? { kind: 'file', path } : { kind: 'file', path, context }
  return context === undefined ? { kind: 'default' } : { kind: 'default', context }
}
