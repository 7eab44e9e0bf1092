/** Runs a folder of YAML on this machine: control plane, pods, proxies and what is shown of them, begun and ended together. */
import { mkdirSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { bootstrap, type XdsSecurity } from '@smi-mesh/dataplane/envoy'
import { nodeIdOf, spiffeId } from '@smi-mesh/dataplane/mesh'
import type { ControlPlane } from '../control-plane.ts'
import { findingText } from '../finding-text.ts'
import { type CredentialFolders, controlPlaneIdentity } from '../identity/index.ts'
import { MeshError } from '../mesh-error.ts'
import { FileSource } from '../sources/index.ts'
import type { Source } from '../sources/source.ts'
import type { Range } from './allocate.ts'
import { Board } from './board.ts'
import { LONGEST_SOCKET } from './bootstraps.ts'
import type { DesiredPod } from './desired.ts'
import { Fleet } from './fleet.ts'
import type { LocalPod } from './local-pod.ts'
import { LogTail } from './log-tail.ts'
import type { ProxyStart } from './proxy.ts'
import { Reaper } from './reaper.ts'
import { RunDirectory, runDirectoryOf } from './run-directory.ts'
import { StandaloneSource } from './source.ts'

/** The control plane as far as pods need it. */
export interface StartedMesh {
  readonly plane: ControlPlane
  readonly credentials: CredentialFolders
  readonly adminPort: number
  stop(): Promise<void>
}

export interface StandaloneOptions {
  readonly folder: string
  readonly envoy: string
  readonly subnets: Range
  readonly stateDirectory: string | undefined
  readonly showsLogs: boolean
  readonly showsTable: boolean
  readonly xdsHost: string
  readonly isInsecure: boolean
  readonly startMesh: (source: Source, say: (line: string) => void, stateDirectory: string) => Promise<StartedMesh>
  readonly world: StandaloneWorld
}

/** What of the process is needed. */
export interface StandaloneWorld {
  readonly write: (text: string) => void
  readonly complain: (text: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly node: string
  readonly temporary: string
  readonly pid: number
  /** Lines of the terminal. */
  readonly rows: number
  readonly uid: number
  readonly clock: () => number
  readonly now: () => number
}

export interface Standalone {
  readonly mesh: StartedMesh
  readonly run: RunDirectory
  pods(): readonly LocalPod[]
  stop(): Promise<void>
}

/** Variables of the user's own shell that processes may need; all others would make a run depend on who starts it. */
const INHERITED = ['HOME', 'LANG', 'LC_ALL', 'TERM', 'TMPDIR', 'TZ', 'USER'] as const

const NO_WORKLOADS =
  'has no Pod, Deployment, StatefulSet or DaemonSet whose containers have a `command`. Add one; edits are followed.'

export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { world, folder } = options
  const run = claim(options)
  const reaper = new Reaper()
  const begun: { board?: Board; fleet?: Fleet; mesh?: StartedMesh; tail?: LogTail } = {}
  const say = (line: string) => (begun.board === undefined ? world.complain(`${line}\n`) : begun.board.say(line))
  const stop = async () => {
    await begun.board?.stop()
    await begun.fleet?.stop()
    await begun.mesh?.stop()
    begun.tail?.stop()
    reaper.close()
    run.release()
  }
  try {
    const source: StandaloneSource = new StandaloneSource(new FileSource(folder), demand => fleet.want(demand))
    const fleet = new Fleet({
      run,
      reaper,
      say,
      base: baseEnvironment(world),
      subnets: options.subnets,
      tellsServices: !options.showsTable, // a table has no room for them
      show: pods => source.show(pods),
      directoryOf: origin => resolve(dirname(origin.replace(/:\d+$/, ''))),
      now: world.now,
      clock: world.clock,
    })
    begun.fleet = fleet
    const mesh = await options.startMesh(source, say, join(run.path, 'identity'))
    begun.mesh = mesh
    if (options.showsLogs) {
      begun.tail = new LogTail(join(run.path, 'logs'), line => world.write(`${line}\n`))
      begun.tail.start()
    }
    begun.board = boardOf(options, mesh, fleet)
    begun.board.start()
    say(
      `Logs are in ${join(run.path, 'logs')}; \`smictl proxies --admin-address 127.0.0.1:${mesh.adminPort}\` shows who is up to date.`,
    )
    await fleet.start({
      isKnown: pod => mesh.plane.mesh.pods.has(pod),
      proxy: (pod, subnet) => proxyStart(options, run, mesh, pod, subnet),
      forget: subnet => mesh.credentials.forget(credentialFolder(run, subnet)),
    })
    if (fleet.pods().length === 0) say(`Nothing runs: ${folder} ${NO_WORKLOADS}`)
    return { mesh, run, pods: () => fleet.pods(), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function claim({ folder, stateDirectory, world }: StandaloneOptions): RunDirectory {
  const path = stateDirectory ?? runDirectoryOf(world.temporary, world.uid, folder)
  const claimed = RunDirectory.claim(path, world.pid, world.uid)
  switch (claimed.kind) {
    case 'taken':
      throw new MeshError(
        'StateConflict',
        `${folder} is already run by process ${claimed.pid}. End it, or name another --state-dir.`,
      )
    case 'unusable':
      throw new MeshError('StateUnavailable', claimed.message)
    case 'claimed':
      if (stateDirectory === undefined) RunDirectory.sweep(dirname(path), world.uid)
      if (claimed.ended > 0) world.complain(`Ended ${claimed.ended} processes that an earlier run left behind.\n`)
      return claimed.directory
  }
}

function boardOf({ world, showsTable }: StandaloneOptions, mesh: StartedMesh, fleet: Fleet): Board {
  return new Board({
    mesh: mesh.plane.mesh,
    pods: () => fleet.pods(),
    complaints: () => [
      ...mesh.plane
        .sourceProblems()
        .map(({ file, where, message }) => `${file}${where === '' ? '' : `, ${where}`}: ${message}`),
      ...mesh.plane.findings().map(finding => findingText(finding, mesh.plane.originOf(finding.about))),
    ],
    write: showsTable ? world.write : world.complain,
    isInteractive: showsTable,
    rows: world.rows,
    now: world.now,
  })
}

/** Node comes first on the search path, so that `node` in a command is the one that runs TypeScript. */
function baseEnvironment({ env, node }: StandaloneWorld): Readonly<Record<string, string>> {
  const base: Record<string, string> = { PATH: [dirname(node), env['PATH'] ?? '/usr/bin:/bin'].join(delimiter) }
  for (const name of INHERITED) {
    const value = env[name]
    if (value !== undefined) base[name] = value
  }
  return base
}

function proxyStart(
  options: StandaloneOptions,
  run: RunDirectory,
  mesh: StartedMesh,
  pod: DesiredPod,
  subnet: number,
): ProxyStart {
  const adminSocket = join(run.path, 'pods', `${subnet}.sock`)
  if (adminSocket.length > LONGEST_SOCKET) {
    throw new MeshError(
      'ConfigRefused',
      `${run.path} is too long a name for the sockets in it. Name a shorter --state-dir.`,
    )
  }
  const { trustDomain } = mesh.plane.mesh.config
  const text = JSON.stringify(
    bootstrap({
      nodeId: nodeIdOf(pod.key),
      nodeCluster: `${pod.namespace}/${pod.controller.name}`,
      admin: { kind: 'socket', path: adminSocket },
      xds: {
        address: options.xdsHost,
        port: mesh.plane.xdsPort,
        security: security(options, run, mesh, pod, subnet, trustDomain),
      },
    }),
  )
  const config = run.writeFile(`${subnet}.json`, text)
  const flags = [
    '--disable-hot-restart',
    '--concurrency',
    '1',
    '--log-level',
    'warn',
    '--drain-time-s',
    '10',
    '--drain-strategy',
    'immediate',
  ]
  return { command: [options.envoy, '--config-path', config, ...flags], adminSocket }
}

function credentialFolder(run: RunDirectory, subnet: number): string {
  return join(run.path, 'pods', `${subnet}.credentials`)
}

function security(
  { isInsecure }: StandaloneOptions,
  run: RunDirectory,
  { credentials }: StartedMesh,
  pod: DesiredPod,
  subnet: number,
  trustDomain: string,
): XdsSecurity {
  if (isInsecure) return { kind: 'plaintext' }
  const folder = credentialFolder(run, subnet)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const identity = spiffeId(trustDomain, { namespace: pod.namespace, serviceAccount: pod.spec.serviceAccount })
  return { kind: 'mtls', files: credentials.keep(folder, identity), server: controlPlaneIdentity(trustDomain) }
}
