/** What the chart renders, and what it refuses, by the word of Helm itself. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { fieldsOf } from '../src/facts/read.ts'
import { CHART, findHelm, render } from './helm.ts'

const helm = findHelm() ?? ''
const skip = helm === '' ? 'Helm is missing: run `make cluster-tools`, or set HELM to the program.' : false
if (skip) process.stderr.write(`\n*** The chart is NOT tested. ${skip} ***\n\n`)

const VALUES = join(CHART, 'tests/values')
const cases = readdirSync(VALUES).map(file => ({ file, values: join(VALUES, file) }))

describe('the chart', { skip }, () => {
  for (const { file, values } of cases) {
    test(`renders what tests/golden/${file} shows`, () => {
      const golden = join(CHART, 'tests/golden', file)
      const rendered = render(helm, values)
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, rendered)
      assert.equal(rendered, readFileSync(golden, 'utf8'), 'run: UPDATE_GOLDEN=1 npm run test:helm')
    })

    test(`is well made, by the word of helm lint, with ${file}`, () => {
      execFileSync(helm, ['lint', '--strict', CHART, '-f', values], { stdio: 'pipe' })
    })
  }

  for (const [value, complaint] of [
    ['mesh.access=allow', /access/],
    ['operator.replicas=0', /replicas/],
    ['mesh.certificateTtl=forever', /certificateTtl/],
    ['crds.kep=true', /kep/],
    ['proxy.resources.limits.memory=much', /memory/],
    ['proxy.resources.limits.memory=536870912', /memory/], // Helm writes large numbers as 5.36870912e+08
    ['proxy.logLevel=loud', /logLevel/],
    ['proxy.concurrency=0', /concurrency/],
    ['injection.timeoutSeconds=31', /timeoutSeconds/],
    ['injection.namespaceSelector[0].key=a', /operator/],
    ['mesh.ipFamilies=ipv6', /ipFamilies/],
    ['authority.secretName=Not_A_Name', /secretName/],
    ['labels.app\\.kubernetes\\.io/name=other', /invalid propertyName 'app\.kubernetes\.io\/name'/],
    ['operator.podLabels.smi-mesh\\.dev/inject=enabled', /invalid propertyName 'smi-mesh\.dev\/inject'/],
  ] as const) {
    test(`does not take ${value}, and says so`, () => {
      const { status, stderr } = spawnSync(helm, ['template', CHART, '--set', value], { encoding: 'utf8' })
      assert.notEqual(status, 0)
      assert.match(stderr, complaint)
    })
  }

  for (const [expression, complaint] of [
    [{ key: 'a', operator: 'In' }, /missing property 'values'/],
    [{ key: 'a', operator: 'NotIn', values: [] }, /values': minItems: got 0, want 1/],
    [{ key: 'a', operator: 'Exists', values: ['b'] }, /values': maxItems: got 1, want 0/],
    [{ key: 'a', operator: 'DoesNotExist', values: ['b'] }, /values': maxItems: got 1, want 0/],
  ] as const) {
    test(`does not take an expression that the API server refuses: ${JSON.stringify(expression)}`, () => {
      const set = `injection.namespaceSelector=${JSON.stringify([expression])}`
      const { status, stderr } = spawnSync(helm, ['template', CHART, '--set-json', set], { encoding: 'utf8' })
      assert.notEqual(status, 0)
      assert.match(stderr, complaint)
    })
  }

  test('says of each value what it may be', () => {
    const schema: unknown = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'))
    const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'))
    assert.deepEqual(undescribed(values, schema), [])
  })

  test('tells the next command, and what an end leaves', () => {
    const { stdout } = spawnSync(helm, ['install', 'smi-mesh', CHART, '--dry-run=client', '--namespace', 'mesh'], {
      encoding: 'utf8',
    })
    const [, notes = ''] = stdout.split('\nNOTES:\n')
    assert.match(notes, /^ {2}smictl check --namespace mesh$/m)
    assert.match(notes, /^ {2}kubectl label namespace NAME smi-mesh.dev\/inject=enabled$/m)
    assert.match(notes, /^ {2}smictl uninstall --namespace mesh --crds$/m)
  })

  const templated = (...sets: readonly string[]) => {
    const words = sets.flatMap(set => ['--set-json', set])
    return execFileSync(helm, ['template', CHART, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  test('has the last word of annotations of its pods said by the user, and each but once', () => {
    const own = { 'prometheus.io/port': '9', 'kubectl.kubernetes.io/default-container': 'theirs', 'a/b': 'c' }
    const text = templated(`operator.podAnnotations=${JSON.stringify(own)}`)
    const documents = parseAllDocuments(text)
    assert.deepEqual(
      documents.flatMap(({ errors }) => errors), // of a key that is there twice, for one
      [],
    )
    const deployment = documents.map(document => fieldsOf(document.toJS())).find(({ kind }) => kind === 'Deployment')
    const template = fieldsOf(fieldsOf(deployment?.['spec'])['template'])
    assert.deepEqual(fieldsOf(template['metadata'])['annotations'], {
      ...{ 'prometheus.io/scrape': 'true', 'prometheus.io/path': '/metrics' },
      ...own,
    })
  })

  test('asks for nothing and limits nothing where resources of proxies are taken away', () => {
    assert.match(templated('proxy.resources=null'), /--proxy-cpu-request=\n.*--proxy-memory-request=\n/)
  })

  test('does not speak of a Secret that it does not make', () => {
    const words = ['install', 'smi-mesh', CHART, '--dry-run=client', '--set', 'authority.secretName=theirs']
    assert.doesNotMatch(spawnSync(helm, words, { encoding: 'utf8' }).stdout, /smi-mesh-authority/)
  })

  test('is not installed in a cluster that is too old', () => {
    const { status, stderr } = spawnSync(helm, ['template', CHART, '--kube-version', '1.28.9'], { encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /1\.29/)
  })

  test('asks of Kubernetes 1.29 nothing that it has not: a pause before the end is of 1.30', () => {
    const values = join(VALUES, 'default.yaml')
    assert.doesNotMatch(render(helm, values, '1.29.4'), /preStop/)
    assert.match(render(helm, values, '1.30.0'), /preStop/)
  })
})

/** Paths of values that the schema lets be anything. */
function undescribed(value: unknown, schema: unknown, path: readonly string[] = []): readonly string[] {
  const { properties, type, enum: choices, anyOf, items, $ref } = fieldsOf(schema)
  if (properties === undefined) return [type, choices, anyOf, items, $ref].some(Boolean) ? [] : [path.join('.')]
  return Object.entries(fieldsOf(value)).flatMap(([name, one]) =>
    undescribed(one, fieldsOf(properties)[name], [...path, name]),
  )
}
