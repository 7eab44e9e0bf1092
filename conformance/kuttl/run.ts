/**
 * Runs the public conformance suite's steps by stock kuttl, against any mesh that `conformance/meshes` describes.
 *
 *     node conformance/kuttl/run.ts --mesh conformance/meshes/smi-mesh.yaml
 *     node conformance/kuttl/run.ts --mesh conformance/meshes/none.yaml --red     ends with 0 where every case was asked and fails
 *
 * Access and spec run where access control is enforced for the mesh and open to callers without an identity, since their harness
 * is one; split where nothing is enforced.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Access } from '../src/case.ts'
import { type ApiServer, apiServer } from '../src/drivers/cluster/api-server.ts'
import { isReady, type Kubernetes, kubernetes } from '../src/drivers/cluster/kubernetes.ts'
import { type Marks, type MeshOptions, marks, readMesh, together } from '../src/drivers/cluster/mesh.ts'
import { otherMode } from '../src/drivers/cluster/misfit.ts'
import type { RawObject } from '../src/world.ts'
import { kuttl } from './kuttl.ts'
import { type Outcome, outcome } from './outcome.ts'

const HARNESS = 'smi-conformance-harness'
interface PublicCase {
  readonly steps: number
  readonly access: Access
}

const CASES: Readonly<Record<string, PublicCase>> = {
  'traffic-access': { steps: 7, access: { mode: 'enforce', unidentified: 'allow' } },
  'traffic-spec': { steps: 6, access: { mode: 'enforce', unidentified: 'allow' } },
  'traffic-split': { steps: 11, access: { mode: 'permissive', unidentified: 'allow' } },
}
const NOTHING = marks(undefined)
/** How long a traffic step is asked again, in seconds; and how long where no mesh is there that could come to it. */
const PATIENCE = { green: 60, red: 15 }
const START_MS = 100_000

const { values } = parseArgs({
  options: {
    mesh: { type: 'string', default: join(import.meta.dirname, '../meshes/smi-mesh.yaml') },
    kubeconfig: { type: 'string' },
    report: { type: 'string' },
    red: { type: 'boolean', default: false },
  },
})
const env = values.kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: resolve(values.kubeconfig) }

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

/** The steps with what differs between meshes filled in, which kuttl has no means for. */
function filledIn({ image }: MeshOptions): string {
  const folder = mkdtempSync(join(tmpdir(), 'smi-kuttl-'))
  const patience = String(values.red ? PATIENCE.red : PATIENCE.green)
  cpSync(join(import.meta.dirname, 'tests'), folder, { recursive: true })
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.yaml')) continue
    const source = readFileSync(join(folder, file), 'utf8')
    const filled = source.replaceAll('$(IMAGE)', image).replaceAll('$(HARNESS)', HARNESS)
    writeFileSync(join(folder, file), filled.replaceAll('$(PATIENCE)', patience))
  }
  return folder
}

/** What came of a case. What kuttl says is told at its end, since cases run side by side. */
async function played(folder: string, name: string, within: string): Promise<Outcome> {
  const reportTo = (to: string) => ['--report', 'xml', '--artifacts-dir', resolve(to), '--report-name', name]
  const report = values.report === undefined ? [] : reportTo(values.report)
  const flags = ['--test', name, '--namespace', within, '--timeout', '180', '--parallel', '1', ...report]
  // It writes a file `kubeconfig` to where it runs, and its steps read that: each case has a place of its own.
  const cwd = mkdtempSync(join(tmpdir(), 'smi-kuttl-run-'))
  try {
    const { isGood, printed } = await kuttl(['test', folder, ...flags], { cwd, env })
    console.log(printed)
    return outcome(name, isGood, printed)
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

/** The cases that a mesh can be asked; the others are named. */
function askable(mesh: MeshOptions): readonly (readonly [string, PublicCase])[] {
  return Object.entries(CASES).filter(([name, { access }]) => {
    const why = otherMode(mesh, access)
    if (why !== undefined) console.log(`${name} is skipped: ${why}.`)
    return why === undefined
  })
}

async function harnessIsReady(kube: Kubernetes): Promise<void> {
  const deadline = performance.now() + START_MS
  while (!(await kube.pods(HARNESS, 'app=harness')).some(isReady)) {
    if (performance.now() > deadline) throw new Error(`The harness in ${HARNESS} does not become ready.`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

async function main(api: ApiServer): Promise<void> {
  const mesh = readMesh(values.mesh)
  const kube = kubernetes(api)
  const folder = filledIn(mesh)
  const asked = askable(mesh)
  const cases = asked.map(([name]) => name)
  const made = [HARNESS, ...cases.map(name => `smi-conformance-${name}`)]
  try {
    await kube.apply([...namespace(HARNESS, NOTHING), harness(mesh)])
    for (const [name, { access }] of asked) {
      const { mode, unidentified } = access
      const inMesh = together(mesh.inject.namespace, mesh.access[mode], mesh.unidentified[unidentified])
      await kube.apply(namespace(`smi-conformance-${name}`, inMesh))
    }
    await harnessIsReady(kube)
    const outcomes = await Promise.all(cases.map(name => played(folder, name, `smi-conformance-${name}`)))
    const of = (kind: Outcome['kind']) => cases.filter((_, at) => outcomes[at]?.kind === kind)
    for (const [at, one] of outcomes.entries())
      if (one.kind === 'unasked') console.log(`${cases[at]}: ${one.why}; nothing is known of the mesh.`)
    const failed = [...of('failed'), ...of('unasked')]
    const steps = asked.reduce((sum, [, one]) => sum + one.steps, 0)
    console.log(failed.length === 0 ? `All ${steps} steps passed.` : `Failed: ${failed.join(', ')}.`)
    process.exitCode = of(values.red ? 'failed' : 'passed').length === cases.length ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await kube.delete(made.map(name => ({ kind: 'Namespace', namespace: '', name })))
  }
}

const api = await apiServer(env)
try {
  await main(api)
} finally {
  await api.stop()
}
