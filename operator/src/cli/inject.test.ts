/** Manifests in, manifests out. What injection means is tested beside it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { ran } from '../../test/documentation.ts'

const MANIFEST = `# The shop.
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: shop } # not a pod
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        # the application
        - name: web
          image: web # pinned elsewhere
          readinessProbe: { httpGet: { path: /ready, port: 8080 } }
---
kind: Whatever
anything: [1, 2]
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly, namespace: shop }
spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: job, image: job }] } } } } }
`

describe('smictl inject', () => {
  let folder = ''
  const file = (name = 'all.yaml') => join(folder, name)
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'smi-inject-'))
    writeFileSync(file(), MANIFEST)
  })
  after(() => rmSync(folder, { recursive: true }))

  const documents = (text: string) => {
    const found = parseAllDocuments(text)
    return Array.isArray(found) ? found.map(one => one.toJS()) : []
  }

  test('every pod gets its proxy; comments and everything else stay', async () => {
    const { printed, code } = await ran(['inject', '-f', file()])
    assert.equal(code, 0)
    const [settings, web, whatever, nightly] = documents(printed)
    assert.deepEqual([settings.kind, whatever], ['ConfigMap', { kind: 'Whatever', anything: [1, 2] }])
    const pod = web.spec.template
    assert.deepEqual(
      pod.spec.initContainers.map((one: { name: string }) => one.name),
      ['smi-mesh-init', 'smi-mesh-proxy'],
    )
    assert.equal(pod.spec.containers[0].readinessProbe.httpGet.port, 15021)
    assert.equal(pod.metadata.annotations['smi-mesh.dev/status'], 'injected')
    const job = nightly.spec.jobTemplate.spec.template
    assert.deepEqual([job.spec.initContainers.length, job.metadata.ownerReferences], [2, undefined])
    for (const comment of ['# The shop.', '# not a pod', '# the application', '# pinned elsewhere']) {
      assert.ok(printed.includes(comment), comment)
    }
  })

  test('injecting twice is injecting once', async () => {
    const once = (await ran(['inject', '-f', file()])).printed
    writeFileSync(file('once.yaml'), once)
    assert.equal((await ran(['inject', '-f', file('once.yaml')])).printed, once)
  })

  test('what cannot be injected is named and printed as it is', async () => {
    const { printed, code } = await ran(['inject', '--sidecar', 'classic', '-f', file()])
    assert.equal(code, 1)
    assert.match(printed, /all\.yaml: CronJob shop\/nightly: .*never ends/)
  })

  test('a file that is not there is told of', async () => {
    assert.equal((await ran(['inject', '-f', file('none.yaml')])).code, 3)
  })
})
