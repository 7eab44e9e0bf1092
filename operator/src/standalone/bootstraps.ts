/**
 * For every pod of a mesh a folder from which somebody else can start its Envoy: a bootstrap, and credentials that are kept
 * fresh. Folders are named as the proxies are, `<pod>.<namespace>`, and only their owner may enter them.
 */
import { readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bootstrap, type XdsSecurity } from '@smi-mesh/dataplane/envoy'
import { type Mesh, nodeIdOf, type PodKey, podOfNodeId, type Workload } from '@smi-mesh/dataplane/mesh'
import { type CredentialFolders, controlPlaneIdentity, type SetTimer } from '../identity/index.ts'
import { PrivateDirectory } from '../identity/private-files.ts'
import { MeshError } from '../mesh-error.ts'
import { attempt } from '../sources/scan.ts'

export interface BootstrapsOptions {
  readonly folder: string
  readonly mesh: Pick<Mesh, 'pods' | 'workloads' | 'config'>
  /** Where proxies connect: an IP address of this machine. */
  readonly xds: { readonly address: string; readonly port: number }
  /** Undefined where proxies are believed without. */
  readonly credentials: Pick<CredentialFolders, 'keep' | 'forget'> | undefined
  /** One line for the person at the terminal. */
  readonly say: (line: string) => void
  readonly setTimer: SetTimer
}

/** Unix sockets have short names, by the rules of the system. */
export const LONGEST_SOCKET = 107
/** Nobody checks what a file calls a pod, and the name is about to be part of a path. */
const NODE_ID = /^[a-z0-9]([a-z0-9.-]{0,300}[a-z0-9])?$/

const BOOTSTRAP = 'bootstrap.json'
const CREDENTIALS = 'credentials'
const ADMIN_SOCKET = 'admin.sock'
const RETRY_MS = 5_000

export class Bootstraps {
  readonly #options: BootstrapsOptions
  readonly #folder: string
  readonly #waiting = new Set<PodKey>()
  /** Pods whose folder could not be filled, and when it is tried again. */
  readonly #failed = new Map<PodKey, () => void>()
  readonly #idle: (() => void)[] = []
  #slice: NodeJS.Immediate | undefined

  /** Makes the folder. Throws a MeshError where it cannot be used, or others may enter it. */
  constructor(options: BootstrapsOptions) {
    this.#options = options
    this.#folder = resolve(options.folder)
    new PrivateDirectory(this.#folder)
  }

  /** Resolves once every pod of the mesh has its folder, and those of pods that went meanwhile are gone. */
  async start(): Promise<void> {
    const left = readdirSync(this.#folder).filter(name => this.#isOurs(name))
    const gone = left.flatMap(name => podOfNodeId(name) ?? [])
    this.follow([...gone, ...this.#options.mesh.pods.keys()])
    if (this.#slice !== undefined) await new Promise<void>(done => this.#idle.push(done))
  }

  /** These pods appeared, changed or went. */
  follow(pods: Iterable<PodKey>): void {
    for (const pod of pods) this.#waiting.add(pod)
    if (this.#waiting.size > 0) this.#slice ??= setImmediate(() => this.#next())
  }

  /** Leaves the folders where they are: proxies that run keep what they have, and find it again. */
  stop(): void {
    clearImmediate(this.#slice)
    this.#slice = undefined
    this.#waiting.clear()
    for (const cancel of this.#failed.values()) cancel()
    this.#failed.clear()
    this.#settle()
  }

  /** One pod at a time: signing and writing for a thousand of them takes seconds, in which others want to be answered. */
  #next(): void {
    this.#slice = undefined
    const [pod] = this.#waiting
    if (pod === undefined) {
      this.#settle()
      return
    }
    this.#waiting.delete(pod)
    this.#update(pod)
    this.#slice = setImmediate(() => this.#next())
  }

  #settle(): void {
    for (const done of this.#idle.splice(0)) done()
  }

  #update(pod: PodKey): void {
    const { pods, workloads } = this.#options.mesh
    const key = pods.get(pod)
    const workload = key === undefined ? undefined : workloads.get(key)
    if (workload === undefined) {
      this.#remove(pod)
      return
    }
    try {
      this.#fill(pod, workload)
      this.#failed.get(pod)?.()
      if (this.#failed.delete(pod)) this.#options.say(`${this.#pathOf(pod)} can be written again.`)
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      if (!this.#failed.has(pod)) this.#options.say(`! ${error.message}`)
      this.#failed.get(pod)?.()
      this.#failed.set(
        pod,
        this.#options.setTimer(() => this.follow([pod]), RETRY_MS),
      )
    }
  }

  #fill(pod: PodKey, workload: Workload): void {
    if (!NODE_ID.test(nodeIdOf(pod))) {
      const message = `Pod ${pod} has no bootstrap: its name is none that Kubernetes would take. Use small letters, digits, hyphens and dots.`
      throw new MeshError('ConfigRefused', message)
    }
    const path = this.#pathOf(pod)
    const socket = join(path, ADMIN_SOCKET)
    if (Buffer.byteLength(socket) > LONGEST_SOCKET) {
      const message = `${socket} is too long a name for a socket, so ${pod} has no bootstrap. Name a shorter folder.`
      throw new MeshError('ConfigRefused', message)
    }
    const directory = new PrivateDirectory(path)
    const text = JSON.stringify(
      bootstrap({
        nodeId: nodeIdOf(pod),
        nodeCluster: `${workload.owner.namespace}/${workload.owner.name}`,
        admin: { kind: 'socket', path: socket },
        xds: { ...this.#options.xds, security: this.#security(path, workload) },
      }),
    )
    // Last, so that a proxy which is started by it finds the rest.
    directory.replace(BOOTSTRAP, `${text}\n`, { durable: false })
  }

  #security(path: string, { identity }: Workload): XdsSecurity {
    const { credentials, mesh } = this.#options
    if (credentials === undefined) return { kind: 'plaintext' }
    const files = credentials.keep(join(path, CREDENTIALS), identity)
    return { kind: 'mtls', files, server: controlPlaneIdentity(mesh.config.trustDomain) }
  }

  /** What else somebody keeps in the folder stays. */
  #remove(pod: PodKey): void {
    this.#failed.get(pod)?.()
    this.#failed.delete(pod)
    if (!NODE_ID.test(nodeIdOf(pod))) return
    const path = this.#pathOf(pod)
    this.#options.credentials?.forget(join(path, CREDENTIALS))
    for (const name of [BOOTSTRAP, CREDENTIALS, ADMIN_SOCKET]) {
      attempt(() => rmSync(join(path, name), { recursive: true, force: true }))
    }
    attempt(() => rmdirSync(path))
  }

  /** Whether a folder in ours is of a pod, this run's or an earlier one's. */
  #isOurs(name: string): boolean {
    const inside = attempt(() => readdirSync(join(this.#folder, name)))
    return NODE_ID.test(name) && inside.ok && inside.value.includes(BOOTSTRAP)
  }

  #pathOf(pod: PodKey): string {
    return join(this.#folder, nodeIdOf(pod))
  }
}
