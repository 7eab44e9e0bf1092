/**
 * Runs the public conformance suite's steps by stock kuttl, against any mesh that `conformance/meshes` describes.
 *
 *     node conformance/kuttl/run.ts --mesh conformance/meshes/smi-mesh.yaml
 *
 * Access and spec run where access control is enforced for the mesh and open to callers without an identity, since their harness
 * is one; split where nothing is enforced.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Access } from '../src/case.ts'
import { kubectlOf, kubernetes } from '../src/drivers/cluster/kubernetes.ts'
import { type Marks, type MeshOptions, marks, readMesh, together } from '../src/drivers/cluster/mesh.ts'
import type { RawObject } from '../src/world.ts'

const HARNESS = 'smi-conformance-harness'
const CASES: Readonly<Record<string, Access>> = {
  'traffic-access': { mode: 'enforce', unidentified: 'allow' },
  'traffic-spec': { mode: 'enforce', unidentified: 'allow' },
  'traffic-split': { mode: 'permissive', unidentified: 'allow' },
}
const NOTHING = marks(undefined)

const { values } = parseArgs({
  options: {
    mesh: { type: 'string', default: join(import.meta.dirname, '../meshes/smi-mesh.yaml') },
    kubeconfig: { type: 'string' },
    report: { type: 'string' },
  },
})

function namespace(name: string, { labels, annotations }: Marks): readonly RawObject[] {
  const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')
  const data = { 'app.ts': read('../app/app.ts'), 'harness.ts': read('harness.ts') }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels, annotations } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: name, name: 'app' }, data },
  ]
}

/** The pod from which applications are asked, without a sidecar. */
function harness({ image }: MeshOptions): RawObject {
  const labels = { app: 'harness' }
  const container = {
    ...{ name: 'app', image, command: ['node', '/app/app.ts'] },
    volumeMounts: [{ name: 'app', mountPath: '/app' }],
  }
  const volumes = [{ name: 'app', configMap: { name: 'app' } }]
  const spec = { containers: [container], volumes, terminationGracePeriodSeconds: 1 }
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace: HARNESS, name: 'harness' } },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  }
}

/** The steps with the image and the place of the harness filled in, which kuttl has no means for. */
function filledIn({ image }: MeshOptions): string {
  const folder = mkdtempSync(join(tmpdir(), 'smi-kuttl-'))
  cpSync(join(import.meta.dirname, 'tests'), folder, { recursive: true })
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.yaml')) continue
    const source = readFileSync(join(folder, file), 'utf8')
    writeFileSync(join(folder, file), source.replaceAll('$(IMAGE)', image).replaceAll('$(HARNESS)', HARNESS))
  }
  return folder
}

async function kuttl(folder: string, name: string, within: string): Promise<boolean> {
  const report =
    values.report === undefined ? [] : ['--report', 'xml', '--artifacts-dir', values.report, '--report-name', name]
  const flags = ['--test', name, '--namespace', within, '--timeout', '180', '--parallel', '1', ...report]
  const env = values.kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: values.kubeconfig }
  const child = spawn('kubectl-kuttl', ['test', folder, ...flags], { stdio: 'inherit', env })
  const [status] = await once(child, 'close')
  return status === 0
}

async function main(): Promise<void> {
  const mesh = readMesh(values.mesh)
  const kubectl = kubectlOf(values.kubeconfig)
  const api = kubernetes(kubectl)
  const folder = filledIn(mesh)
  const made = [HARNESS, ...Object.keys(CASES).map(name => `smi-conformance-${name}`)]
  const failed: string[] = []
  try {
    await api.apply([...namespace(HARNESS, NOTHING), harness(mesh)])
    for (const [name, { mode, unidentified }] of Object.entries(CASES)) {
      const inMesh = together(mesh.inject.namespace, mesh.access[mode], mesh.unidentified[unidentified])
      await api.apply(namespace(`smi-conformance-${name}`, inMesh))
    }
    await kubectl(['rollout', 'status', '-n', HARNESS, 'deployment/harness', '--timeout', '100s'])
    for (const name of Object.keys(CASES)) {
      if (!(await kuttl(folder, name, `smi-conformance-${name}`))) failed.push(name)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await api.delete(made.map(name => ({ kind: 'Namespace', namespace: '', name })))
  }
  console.log(failed.length === 0 ? 'All 24 steps passed.' : `Failed: ${failed.join(', ')}.`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

await main()
