/** A running mesh on this machine: the real discovery server, real Envoys, applications at their loopback addresses. */
import { ServerCredentials } from '@grpc/grpc-js'
import type { Workload } from '../../mesh/index.ts'
import { type Serving, serve } from '../../serve.ts'
import { bootstrap } from '../bootstrap.ts'
import { TestAuthority } from './certificates.ts'
import { EnvoyProcess } from './envoy-process.ts'
import { emptyWorld, type World } from './world.ts'

export class MeshOfProcesses {
  readonly world: World = emptyWorld()
  /** What proxies refused, and bugs of ours. */
  readonly complaints: string[] = []
  readonly #authority = new TestAuthority()
  readonly #serving: Serving
  readonly #envoys = new Map<string, EnvoyProcess>()
  readonly #binary: string
  #port = 0

  constructor(binary: string) {
    this.#binary = binary
    const { world } = this
    world.bundle.set('bundle', this.#authority.bundle(world.mesh.config.trustDomain))
    this.#serving = serve({
      graph: world.graph,
      mesh: world.mesh,
      secrets: world,
      resources: { accessLog: 'all' },
      identify: () => {},
      trustPlaintext: true,
      rejected: rejection => this.complaints.push(JSON.stringify(rejection)),
      refused: reason => this.complaints.push(reason),
      failed: error => this.complaints.push(String(error)),
    })
  }

  /** Publishes what was written into the world. */
  commit(): void {
    const { world } = this
    for (const { identity } of [...world.workloads.entries()].map(([, workload]) => workload)) {
      if (!world.certificates.has(identity)) world.certificates.set(identity, this.#authority.issue(identity))
    }
    const settled = world.graph.settle()
    for (const { table, error } of settled.failures) this.complaints.push(`${table}: ${error}`)
    this.#serving.commit(settled)
  }

  async start(...workloads: readonly Workload[]): Promise<void> {
    this.#port = await this.#serving.listen('127.0.0.1:0', ServerCredentials.createInsecure())
    for (const workload of workloads) this.#start(workload)
    await Promise.all([...this.#envoys.values()].map(envoy => envoy.ready()))
  }

  #start(workload: Workload): void {
    const { name } = workload.owner
    const xds = { address: '127.0.0.1', port: this.#port, security: { kind: 'plaintext' } } as const
    const configure = (path: string) =>
      bootstrap({ nodeId: `${name}.shop`, nodeCluster: name, admin: { kind: 'socket', path }, xds })
    this.#envoys.set(name, EnvoyProcess.start(this.#binary, configure))
  }

  envoy(workload: Workload): EnvoyProcess {
    const found = this.#envoys.get(workload.owner.name)
    if (found === undefined) throw new Error(`${workload.owner.name} has no Envoy.`)
    return found
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#envoys.values()].map(envoy => envoy.stop()))
    await this.#serving.stop()
  }
}
