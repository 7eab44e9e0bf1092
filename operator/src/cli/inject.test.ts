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

  const injected = async (text: string) => {
    writeFileSync(file('one.yaml'), text)
    return await ran(['inject', '-f', file('one.yaml')])
  }
  const POD = 'spec: {containers: [{name: a, image: a}]}'

  test('pods in lists get their proxies too, where a typed list leaves out what its items are', async () => {
    const deployment = `metadata: {name: web}, spec: {template: {${POD}}}`
    const { printed } = await injected(`# All of them.
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment, ${deployment}}
- {kind: DeploymentList, items: [{${deployment}}]} # nested
`)
    const [list] = documents(printed)
    const templates = [list.items[0], list.items[1].items[0]].map(({ spec }) => spec.template)
    assert.deepEqual(
      templates.map(({ spec }) => spec.initContainers.length),
      [2, 2],
    )
    assert.match(printed, /# All of them\.[\s\S]*# nested/)
  })

  test('a ReplicationController has pods as well', async () => {
    const { printed } = await injected(
      `kind: ReplicationController\nmetadata: {name: old}\nspec: {template: {${POD}}}\n`,
    )
    assert.equal(documents(printed)[0].spec.template.spec.initContainers.length, 2)
  })

  test('what stands for several places is written for each, and means to kubectl what it meant', async () => {
    const { printed } = await injected(`kind: Pod
metadata: {name: twins}
spec:
  containers:
  - &twin
    name: a
    image: a
    readinessProbe: {httpGet: {path: /, port: 8080}}
  - <<: *twin
    name: b
`)
    const [pod] = parseAllDocuments(printed, { merge: true }).map(one => one.toJS())
    assert.deepEqual(
      pod.spec.containers.map(({ readinessProbe }: { readinessProbe: { httpGet: { path: string } } }) => {
        return readinessProbe.httpGet.path
      }),
      ['/probe/a/readiness', '/probe/b/readiness'],
    )
  })

  test('an anchor of the user whose value changes is written out for those who refer to it', async () => {
    const { printed } = await injected(`kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {annotations: &notes {team: shop}}
    ${POD}
  notes: *notes
`)
    const [web] = documents(printed)
    assert.deepEqual(web.spec.notes, { team: 'shop' })
    assert.equal(web.spec.template.metadata.annotations['smi-mesh.dev/status'], 'injected')
  })

  test('nothing printed refers to anchors of ours', async () => {
    assert.doesNotMatch((await ran(['inject', '-f', file()])).printed, /[&*]a\d/)
  })

  test('aliases that unfold too far, and what is not in UTF-8, are told of', async () => {
    const bomb = [
      'a: &a [x]',
      ...'bcdefghi'
        .split('')
        .map((name, at) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[at]}`)}]`),
    ]
    const { printed, code } = await injected(`kind: Pod\n${bomb.join('\n')}\n`)
    assert.equal(code, 1)
    assert.match(printed, /aliases of this file unfold too far/)
    writeFileSync(file('latin.yaml'), Buffer.from('kind: Pod # caf\u00e9\n', 'latin1'))
    const latin = await ran(['inject', '-f', file('latin.yaml')])
    assert.equal(latin.code, 3)
    assert.match(latin.printed, /not encoded in UTF-8/)
  })

  test('pods are given the image of proxies as the chart names it', async () => {
    assert.match((await ran(['inject', '-f', file()])).printed, /image: smi-mesh\/proxy:\d/)
  })

  test('a pod whose name is generated is told of by what it begins with', async () => {
    const { printed } = await injected(`kind: Pod\nmetadata: {generateName: web-}\nspec: {hostNetwork: true}\n`)
    assert.match(printed, /Pod default\/web-: A pod on the network of its node/)
  })

  test('a file that is not there is told of', async () => {
    assert.equal((await ran(['inject', '-f', file('none.yaml')])).code, 3)
  })
})
