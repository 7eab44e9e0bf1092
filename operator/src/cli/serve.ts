/** `smictl serve`: a control plane over a folder of YAML, for proxies that someone else starts. */
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { MeshError } from '../mesh-error.ts'
import { setTimer } from '../real-timer.ts'
import { FileSource } from '../sources/index.ts'
import { Bootstraps } from '../standalone/bootstraps.ts'
import { runDirectoryOf } from '../standalone/run-directory.ts'
import { ExitCode } from './exit-code.ts'
import { type MeshRuntime, runMesh } from './mesh-runtime.ts'
import {
  type Address,
  address,
  addressText,
  duration,
  isLoopback,
  type MeshOptions,
  meshConfig,
  withAuthorityFiles,
  withMeshOptions,
} from './options.ts'
import { logReports } from './reports.ts'
import { DEFAULT_ADMIN } from './running.ts'
import type { World } from './world.ts'

const DEFAULT_XDS = '127.0.0.1:15010'

interface ServeOptions extends MeshOptions {
  readonly files: string
  readonly xdsAddress: Address
  readonly adminAddress: Address
  readonly insecureXds: boolean
  readonly stateDir?: string
  readonly certTtl: number
  readonly authorityFiles?: string
  readonly bootstraps?: string
}

export function serveCommand(world: World): Command {
  const command = new Command('serve')
    .summary('run a control plane over a folder of YAML')
    .description(
      'Follows a folder of Kubernetes YAML and serves proxies by delta ADS, each with what concerns it. Pods need a status.podIP,\n' +
        'as kubectl prints them. Ends cleanly on SIGTERM; proxies keep what they have.',
    )
    .addOption(new Option('-f, --files <folder>', 'the folder of Kubernetes YAML to follow').makeOptionMandatory())
  withControlPlaneOptions(command, DEFAULT_XDS, DEFAULT_ADMIN)
  command.option(
    '--bootstraps <folder>',
    'keep in it, for every pod, what its Envoy is started with: <pod>.<namespace>/bootstrap.json and credentials',
  )
  return withMeshOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  smictl serve --files shop
  smictl serve --files shop --access audit --cert-ttl 1h
  smictl serve --files shop --bootstraps proxies
  smictl serve --files shop --insecure-xds

Exit status: 0 ended by a signal, 2 not understood, 3 an address is in use or the state cannot be used.`,
    )
    .action(async (options: ServeOptions) => {
      refuseExposure(options)
      const runtime = await runMesh(world, {
        source: new FileSource(options.files),
        config: meshConfig(options),
        xds: options.xdsAddress,
        admin: options.adminAddress,
        isInsecure: options.insecureXds,
        stateDirectory: options.stateDir ?? join(runDirectoryOf(world.temporary, world.uid, options.files), 'identity'),
        certificateTtlMs: options.certTtl,
        authorityFiles: options.authorityFiles,
        say: line => world.complain(`${line}\n`),
        reports: metrics => logReports(world.complain, world.clock, metrics),
      })
      const xds = addressText({ ...options.xdsAddress, port: runtime.plane.xdsPort })
      world.complain(`xds=${xds} admin=${addressText({ ...options.adminAddress, port: runtime.adminPort })}\n`)
      const bootstraps = await bootstrapsOf(world, options, runtime)
      await untilEnded(world.ended)
      bootstraps?.stop()
      await runtime.stop()
      world.finish(ExitCode.ok)
    })
}

/** Folders for the Envoys that somebody else starts, if they are asked for. Where that cannot be, nothing goes on. */
async function bootstrapsOf(
  world: World,
  { bootstraps: folder, insecureXds, xdsAddress }: ServeOptions,
  runtime: MeshRuntime,
): Promise<Bootstraps | undefined> {
  if (folder === undefined) return undefined
  try {
    const bootstraps = new Bootstraps({
      folder,
      mesh: runtime.plane.mesh,
      xds: { address: UNSPECIFIED.get(xdsAddress.host) ?? xdsAddress.host, port: runtime.plane.xdsPort },
      credentials: insecureXds ? undefined : runtime.credentials,
      say: line => world.complain(`${line}\n`),
      setTimer,
    })
    runtime.followPods(pods => bootstraps.follow(pods))
    await Promise.race([bootstraps.start(), untilEnded(world.ended)])
    if (!world.ended.aborted) world.complain(`bootstraps=${folder}\n`)
    return bootstraps
  } catch (error) {
    await runtime.stop()
    throw error
  }
}

/** To listen everywhere is no address to connect to. */
const UNSPECIFIED: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

/** The options of a control plane, which `up` has too. */
export function withControlPlaneOptions(command: Command, xds: string, admin: string): Command {
  withAuthorityFiles(command)
  return command
    .addOption(
      new Option('--xds-address <host:port>', 'where proxies connect').argParser(address).default(address(xds), xds),
    )
    .addOption(
      new Option(
        '--admin-address <host:port>',
        'where `smictl proxies` asks and Prometheus scrapes; beyond loopback, health and metrics alone',
      )
        .argParser(address)
        .default(address(admin), admin),
    )
    .option(
      '--insecure-xds',
      'let proxies connect without TLS and believe their names; refused unless the address is of loopback',
      false,
    )
    .option(
      '--state-dir <folder>',
      'where keys and certificates are kept (default: a folder of yours in the temporary directory)',
    )
    .addOption(
      new Option('--cert-ttl <duration>', 'the life of a certificate; renewed at half of it')
        .argParser(duration)
        .default(duration('24h'), '24h'),
    )
}

export function refuseExposure({ insecureXds, xdsAddress }: Pick<ServeOptions, 'insecureXds' | 'xdsAddress'>): void {
  if (!insecureXds || isLoopback(xdsAddress)) return
  const message = `--insecure-xds would let anyone who reaches ${addressText(xdsAddress)} be any workload. Listen on 127.0.0.1, or leave the option out.`
  throw new MeshError('AddressRefused', message)
}

export function untilEnded(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
