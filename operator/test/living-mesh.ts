/**
 * A control plane over a folder of files that tests may spoil: the real path from a saved file to what a proxy would be given,
 * without proxies. The scenery stands there twice, as the namespaces `shop` and `calm`, so that harm to others shows.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ServerCredentials } from '@grpc/grpc-js'
import { DEFAULT_MESH_CONFIG, type EnvoyResource, refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '../src/compile/index.ts'
import { type ControlPlane, startControlPlane } from '../src/control-plane.ts'
import { FileSource } from '../src/sources/index.ts'

export const SCENE = readFileSync(new URL('../testdata/scene.yaml', import.meta.url), 'utf8')
/** The same in the other namespace, with addresses of its own. */
export const CALM_SCENE = SCENE.replaceAll('shop', 'calm')
  .replaceAll('10.96.0.', '10.96.1.')
  .replaceAll('10.244.0.', '10.244.1.')

/** A split, a rule and what they refer to, all of them good. */
export function policy(namespace: string): string {
  return `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: canary, namespace: ${namespace} }
spec:
  service: web
  backends:
    - { service: web-v1, weight: 90 }
    - { service: web-v2, weight: 10 }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: pages, namespace: ${namespace} }
spec:
  matches:
    - { name: home, pathRegex: /home, methods: [GET] }
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: { name: visits, namespace: ${namespace} }
spec:
  destination: { kind: ServiceAccount, name: web-v1, namespace: ${namespace} }
  sources: [{ kind: ServiceAccount, name: client, namespace: ${namespace} }]
  rules: [{ kind: HTTPRouteGroup, name: pages, matches: [home] }]
`
}

const DEADLINE_MS = 10_000

export class LivingMesh {
  readonly folder: string
  readonly plane: ControlPlane

  private constructor(folder: string, plane: ControlPlane) {
    this.folder = folder
    this.plane = plane
  }

  static async start(): Promise<LivingMesh> {
    const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-bad-'))
    writeFileSync(join(folder, 'calm.yaml'), `${CALM_SCENE}---\n${policy('calm')}`)
    writeFileSync(join(folder, 'policy.yaml'), policy('shop'))
    writeFileSync(join(folder, 'scene.yaml'), SCENE)
    const plane = await startControlPlane({
      // What no event tells of, such as a folder moved away, should not take tests two seconds.
      source: new FileSource(folder, { rescanMs: 100 }),
      config: DEFAULT_MESH_CONFIG,
      xds: { address: '127.0.0.1:0', credentials: () => ServerCredentials.createInsecure(), trustPlaintext: true },
      identities: () => ({ ensure: () => {}, release: () => {}, stop: async () => {} }),
    })
    return new LivingMesh(folder, plane)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  save(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  /** What is said of an object, given as `Kind namespace/name`. */
  findings(object: string): readonly Finding[] {
    return this.plane.findings().filter(({ about }) => refText(about) === object)
  }

  /** Every resource of the proxies of a namespace that no object of another namespace has a part in, as text to compare. */
  resources(namespace: string): ReadonlyMap<string, string> {
    const found = [...this.plane.mesh.workloads.entries()]
      .filter(([key]) => key.startsWith(`${namespace}/`))
      .flatMap(([key]) => this.plane.held(key).map(resource => [key, resource] as const))
      .filter(([, { from }]) => from.every(ref => ref.namespace === namespace || ref.namespace === ''))
    return new Map(found.map(([key, resource]) => [`${key} ${nameOf(resource)}`, textOf(resource)]))
  }

  /** Waits for a condition of the running control plane. */
  async until(what: string, holds: () => boolean, withinMs = DEADLINE_MS): Promise<void> {
    const deadline = performance.now() + withinMs
    while (!holds()) {
      if (performance.now() > deadline) {
        const said = JSON.stringify({ findings: this.plane.findings(), problems: this.plane.sourceProblems() }, null, 1)
        throw new Error(`Not within ${withinMs} ms: ${what}. What is said: ${said.slice(0, 4_000)}`)
      }
      await pause(5)
    }
  }

  async stop(): Promise<void> {
    await this.plane.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function nameOf({ type, group, name }: EnvoyResource): string {
  return `${type} ${group} ${name}`
}

function textOf({ value }: EnvoyResource): string {
  return Buffer.from(value).toString('base64')
}
