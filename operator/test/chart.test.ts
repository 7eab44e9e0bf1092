import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KINDS } from '@smi-mesh/smi-crds'
import { parseAllDocuments } from 'yaml'
import { type OperatorConfig, operatorCommand } from '../src/config.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../src/facts/read.ts'
import { DEFAULT_PROXY_SETTINGS } from '../src/webhooks/index.ts'
import { CHART } from './helm.ts'

/** What the chart renders, as `chart.helm-test.ts` has seen it do. */
function rendered(values: string): readonly Fields[] {
  const text = readFileSync(join(CHART, 'tests/golden', `${values}.yaml`), 'utf8')
  return parseAllDocuments(text).flatMap(document => document.toJSON() ?? [])
}

function the(kind: string, values = 'default'): Fields {
  const [object, ...others] = rendered(values).filter(one => one['kind'] === kind)
  assert.ok(object !== undefined && others.length === 0, `one ${kind} was expected`)
  return object
}

function containerOf(values: string): Fields {
  const [container] = listOf(at(the('Deployment', values), 'spec', 'template', 'spec', 'containers'))
  return fieldsOf(container)
}

function at(object: unknown, ...path: readonly string[]): unknown {
  return path.reduce((value, field) => fieldsOf(value)[field], object)
}

async function understood(args: readonly string[]): Promise<OperatorConfig> {
  const [name, ...words] = args
  assert.equal(name, 'operator')
  const { promise, resolve } = Promise.withResolvers<OperatorConfig>()
  const command = operatorCommand({ POD_NAME: 'smi-mesh-1', POD_NAMESPACE: 'smi-mesh' }, '', async config =>
    resolve(config),
  )
  await command.exitOverride().parseAsync(words, { from: 'user' })
  return promise
}

describe('the chart and the operator', () => {
  for (const values of ['default', 'company', 'one-replica']) {
    it(`agree on options, with ${values}.yaml`, async () => {
      const args = listOf(containerOf(values)['args']).map(arg => textOf(arg))
      const { mesh } = await understood(args)
      assert.equal(mesh.access, values === 'company' ? 'audit' : 'enforce')
      assert.equal(mesh.trustDomain, values === 'company' ? 'prod.example.com' : 'cluster.local')
    })
  }

  it('agree on what pods are given, and on who signs for them', async () => {
    const { injection, mesh, authorityFiles } = await understood(
      listOf(containerOf('company')['args']).map(arg => textOf(arg)),
    )
    const { defaults, sidecars } = injection
    assert.deepEqual(defaults, {
      ...{ cpuRequest: '50m', memoryRequest: '96Mi', cpuLimit: '1', memoryLimit: '512Mi' },
      ...{ logLevel: 'info', concurrency: 4, drainSeconds: 60 },
    })
    assert.deepEqual([sidecars, mesh.ipFamilies], ['native', 'dual'])
    const [mount] = listOf(containerOf('company')['volumeMounts']).map(fieldsOf)
    assert.equal(mount?.['mountPath'], authorityFiles)
    const ordinary = await understood(listOf(containerOf('default')['args']).map(arg => textOf(arg)))
    assert.deepEqual(ordinary.injection.defaults, DEFAULT_PROXY_SETTINGS)
    assert.equal(ordinary.authorityFiles, undefined)
  })

  it('agree on whether labels of Open Service Mesh count, for webhooks as for roots', async () => {
    for (const [values, isWebhookThere, labels] of [
      ['default', true, 'honour'],
      ['company', false, 'ignore'],
    ] as const) {
      const { mesh } = await understood(listOf(containerOf(values)['args']).map(arg => textOf(arg)))
      const names = listOf(the('MutatingWebhookConfiguration', values)['webhooks']).map(one => fieldsOf(one)['name'])
      assert.deepEqual([names.includes('osm-pods.smi-mesh.dev'), mesh.openServiceMeshLabels], [isWebhookThere, labels])
    }
  })

  it('agree on ports', async () => {
    const { xds, health } = await understood(listOf(containerOf('default')['args']).map(arg => textOf(arg)))
    const ports = listOf(containerOf('default')['ports']).map(fieldsOf)
    const numbers = new Map(ports.map(({ name, containerPort }) => [name, containerPort]))
    assert.equal(numbers.get('grpc-xds'), xds.port)
    assert.equal(numbers.get('http-metrics'), health.port)
    assert.equal(numbers.get('https-webhooks'), 9443)
  })

  it('agree on which kinds there are: all may be read, and of all the status written', () => {
    const rules = listOf(the('ClusterRole')['rules']).map(fieldsOf)
    for (const { group, plural } of KINDS) {
      const verbs = (resource: string) =>
        rules
          .filter(rule => listOf(rule['apiGroups']).includes(group) && listOf(rule['resources']).includes(resource))
          .flatMap(rule => listOf(rule['verbs']))
      assert.deepEqual(verbs(plural), ['list', 'watch'], plural)
      assert.deepEqual(verbs(`${plural}/status`), ['patch'], plural)
    }
    const definitions = rules.find(rule => listOf(rule['resources']).includes('customresourcedefinitions'))
    assert.deepEqual(listOf(definitions?.['resourceNames']), KINDS.map(kind => `${kind.plural}.${kind.group}`).sort())
  })
})

describe('the chart', () => {
  it('leaves caBundle to the operator: written here, a rollback would bring back roots that are gone', () => {
    for (const values of ['default', 'company']) {
      assert.ok(!JSON.stringify(rendered(values)).includes('caBundle'))
    }
  })

  it('never lets a webhook stand between the cluster and its own namespace, or kube-system', () => {
    for (const kind of ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']) {
      for (const webhook of listOf(the(kind)['webhooks'])) {
        const [exempt] = listOf(at(webhook, 'namespaceSelector', 'matchExpressions')).map(fieldsOf)
        const { key, operator, values } = exempt ?? {}
        assert.deepEqual([key, operator], ['kubernetes.io/metadata.name', 'NotIn'])
        assert.deepEqual(values, ['kube-system', 'smi-mesh'])
      }
    }
  })

  it('lets the operator read no Secret at all where others keep the authority', () => {
    assert.ok(JSON.stringify(rendered('default').filter(({ kind }) => kind === 'Role')).includes('secrets'))
    assert.ok(!JSON.stringify(rendered('company').filter(({ kind }) => kind === 'Role')).includes('secrets'))
  })

  it('grants nothing by a wildcard, and no Secret outside of its namespace', () => {
    const rules = listOf(the('ClusterRole')['rules']).map(fieldsOf)
    const words = rules.flatMap(rule => [...listOf(rule['resources']), ...listOf(rule['verbs'])])
    for (const word of ['*', 'secrets', 'pods/exec', 'pods/portforward', 'impersonate', 'escalate', 'bind']) {
      assert.ok(!words.includes(word), word)
    }
  })
})
