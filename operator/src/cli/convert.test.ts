/** Files in, files out, in another version. What conversion means is tested in smi-crds. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ran } from '../../test/documentation.ts'
import { parseFile } from '../sources/index.ts'

const SPLIT = `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: {name: canary, namespace: shop}
spec: {service: web, backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]}
`
const JSON_SPLIT = {
  apiVersion: 'split.smi-spec.io/v1alpha4',
  kind: 'TrafficSplit',
  spec: { service: 'web', backends: [{ service: 'web-v1', weight: 1 }] },
}
const GROUP = `---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: {name: pages, namespace: shop}
spec: {matches: [{name: all, pathRegex: /.*, methods: ["*"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
`

describe('smictl convert', () => {
  let folder = ''
  const file = () => join(folder, 'all.yaml')
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'smi-convert-'))
    writeFileSync(file(), SPLIT + GROUP)
  })
  after(() => rmSync(folder, { recursive: true }))

  const versions = (text: string) => {
    const parsed = parseFile('printed', text)
    return parsed.kind === 'ok' ? parsed.objects.map(({ object }) => object['apiVersion']) : parsed.problems
  }

  test('a version of one group leaves the others as they are', async () => {
    const { printed, code } = await ran(['convert', '--to', 'split.smi-spec.io/v1alpha1', file()])
    assert.equal(code, 0)
    assert.deepEqual(versions(printed), ['split.smi-spec.io/v1alpha1', 'specs.smi-spec.io/v1alpha4', 'v1'])
  })

  test('where nothing is of the group, that is said', async () => {
    const { printed, code } = await ran(['convert', '--to', 'access.smi-spec.io/v1alpha1', file()])
    assert.equal(code, 0)
    assert.match(printed, /There is no SMI object for access\.smi-spec\.io\/v1alpha1 here/)
  })

  test('a version without a group is meant for every group', async () => {
    const { printed } = await ran(['convert', '--to', 'v1alpha3', file()])
    assert.deepEqual(versions(printed), ['split.smi-spec.io/v1alpha3', 'specs.smi-spec.io/v1alpha3', 'v1'])
  })

  test('several objects are one List in JSON', async () => {
    const { printed } = await ran(['convert', '--to', 'v1alpha2', '-o', 'json', file()])
    assert.deepEqual([JSON.parse(printed).kind, JSON.parse(printed).items.length], ['List', 3])
  })

  test('nothing is put into a namespace that nobody wrote', async () => {
    const written = join(folder, 'namespaces.yaml')
    const objects = [
      { ...JSON_SPLIT, metadata: { name: 'canary' } },
      { ...JSON_SPLIT, metadata: { name: 'canary', namespace: 'shop' } },
      { apiVersion: 'example.org/v1', kind: 'Planet', metadata: { name: 'earth' } },
    ]
    writeFileSync(written, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
    const there = (await ran(['convert', '--to', 'v1alpha1', '-o', 'json', written])).printed
    assert.deepEqual(
      JSON.parse(there).items.map((object: { metadata: { namespace?: string } }) => object.metadata.namespace),
      [undefined, 'shop', undefined],
    )
    writeFileSync(written, there)
    const back = (await ran(['convert', '--to', 'v1alpha4', '-o', 'json', written])).printed
    assert.deepEqual(JSON.parse(back).items, objects)
  })

  test('a group that no kind of SMI has is not understood', async () => {
    const { printed, code } = await ran(['convert', '--to', 'foo/v1alpha1', file()])
    assert.equal(code, 2)
    const groups = 'split.smi-spec.io, access.smi-spec.io or specs.smi-spec.io'
    assert.match(printed, new RegExp(`No kind of SMI is of the group "foo"; write ${groups}\\.`))
  })

  test('what is wrong with an object is said, and the object printed as it is', async () => {
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, SPLIT.replace('weight: 90', 'weight: oops'))
    const { printed, code } = await ran(['convert', '--to', 'v1alpha1', wrong])
    assert.equal(code, 1)
    assert.match(printed, /wrong\.yaml:1: TrafficSplit shop\/canary: spec\.backends\[0\]\.weight: .*"oops"/)
    assert.match(printed, /^apiVersion: split\.smi-spec\.io\/v1alpha1$/m)
    assert.match(printed, /weight: oops$/m)
  })

  test('a version that is not served is told of, and the object left out', async () => {
    const { printed, code } = await ran(['convert', '--to', 'split.smi-spec.io/v9', file()])
    assert.equal(code, 1)
    assert.match(printed, /all\.yaml:1: TrafficSplit shop\/canary: .*v9/)
  })
})
