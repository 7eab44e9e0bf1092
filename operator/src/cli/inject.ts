/** `smictl inject`: proxies written into manifests, for those who want to see them in their repository or have no webhook. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { controlPlaneIdentity } from '../identity/index.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import { DEFAULT_PROXY_SETTINGS, type InjectContext } from '../webhooks/inject-context.ts'
import { ExitCode } from './exit-code.ts'
import { injectText } from './inject-text.ts'
import type { World } from './world.ts'

interface InjectOptions {
  readonly filename: readonly string[]
  readonly image: string
  readonly meshNamespace: string
  readonly trustDomain: string
  readonly sidecar: 'native' | 'classic'
}

export function injectCommand(world: World): Command {
  return new Command('inject')
    .summary('proxies written into manifests')
    .description(
      'Prints the manifests of the files with a proxy in every Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet,\n' +
        'ReplicationController, Job and CronJob, in lists as well, as the webhook would have written it. Everything else, comments\n' +
        'included, is printed as it is. A pod may opt out by the annotation `smi-mesh.dev/inject: disabled`. Injecting twice is the\n' +
        'same as injecting once.',
    )
    .requiredOption('-f, --filename <file...>', 'files of Kubernetes YAML; `-` is the standard input')
    .option('--image <image>', 'the image of proxy and init container', `smi-mesh/proxy:${world.version}`)
    .option('--mesh-namespace <name>', 'where the control plane runs', 'smi-mesh')
    .option('--trust-domain <domain>', 'of the identities of the mesh', 'cluster.local')
    .addOption(
      new Option('--sidecar <kind>', '`classic` for clusters before Kubernetes 1.30')
        .choices(['native', 'classic'])
        .default('native'),
    )
    .addHelpText(
      'after',
      `
Examples:
  smictl inject -f web.yaml | kubectl apply -f -
  smictl inject --sidecar classic -f web.yaml -f db.yaml > injected.yaml

Exit status: 0 every pod was injected or wants none, 1 some could not be (they are named and printed as they are), 3 no such file.`,
    )
    .action((options: InjectOptions) => {
      const context = contextOf(options)
      let isWhole = true
      const printed = options.filename.map(file => {
        const { text, remarks } = injectText(read(file), context)
        for (const { kind, message } of remarks) {
          if (kind !== 'warning') isWhole = false
          world.complain(`${file}: ${message}\n`)
        }
        return text === '' || text.endsWith('\n') ? text : `${text}\n`
      })
      world.write(printed.join('---\n'))
      world.finish(isWhole ? ExitCode.ok : ExitCode.found)
    })
}

function contextOf({ image, meshNamespace, trustDomain, sidecar }: InjectOptions): Omit<InjectContext, 'namespace'> {
  return {
    joined: true,
    controlPlane: {
      address: `smi-mesh.${meshNamespace}.svc`,
      port: 15_010,
      identity: controlPlaneIdentity(trustDomain, meshNamespace),
    },
    image,
    imagePullPolicy: 'IfNotPresent',
    nativeSidecars: sidecar === 'native',
    sleepingHooks: sidecar === 'native',
    rules: 'auto',
    hookToken: () => randomBytes(16).toString('hex'),
    defaults: DEFAULT_PROXY_SETTINGS,
  }
}

function read(file: string): string {
  const bytes = bytesOf(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MeshError('SourceUnavailable', `${file} is not encoded in UTF-8. Save it as UTF-8.`, { cause: error })
  }
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    const why = systemCode(error) ?? 'unknown'
    throw new MeshError('SourceUnavailable', `${file} cannot be read (${why}). Name a file of Kubernetes YAML.`, {
      cause: error,
    })
  }
}
