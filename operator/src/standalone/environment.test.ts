import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { parseFile } from '../sources/parse-file.ts'
import { processStart, type ServiceAddress, substitute } from './environment.ts'
import { desiredOf } from './expand.ts'

const services: readonly ServiceAddress[] = [
  {
    namespace: 'shop',
    name: 'pay-v1',
    clusterIp: '127.0.1.4',
    ports: [
      { port: 80, name: 'http' },
      { port: 9090, name: '' },
    ],
  },
  { namespace: 'web', name: 'store', clusterIp: '127.0.1.5', ports: [{ port: 8080, name: '' }] },
]

function start(container: string, annotations = '{}') {
  const parsed = parseFile(
    'p.yaml',
    `apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: x}, annotations: ${annotations}}\nspec: {serviceAccountName: sam, containers: [${container}]}`,
  )
  const objects = parsed.kind === 'ok' ? new Map(parsed.objects.map(found => [refText(found.ref), found])) : new Map()
  const [pod] = desiredOf(objects).pods
  const [first] = pod?.spec.containers ?? []
  assert.ok(pod && first)
  return processStart(pod, first, 3, services, { PATH: '/bin' })
}

test('Services are told as Kubernetes tells them, at the addresses where this pod reaches them', () => {
  const { env } = start('{name: a, command: [a]}')
  assert.equal(env['PAY_V1_SERVICE_HOST'], '127.3.1.4')
  assert.equal(env['PAY_V1_SERVICE_PORT'], '10080')
  assert.equal(env['PAY_V1_SERVICE_PORT_HTTP'], '10080')
  assert.equal(env['PAY_V1_PORT_9090_TCP'], 'tcp://127.3.1.4:9090')
  assert.equal(env['STORE_SERVICE_HOST'], undefined)
  assert.equal(env['WEB_STORE_SERVICE_HOST'], '127.3.1.5')
  assert.equal(env['PATH'], '/bin')
})

test('the downward API speaks of the address at which the application listens', () => {
  const field = (path: string) => `{name: F, valueFrom: {fieldRef: {fieldPath: "${path}"}}}`
  const value = (path: string) => start(`{name: a, command: [a], env: [${field(path)}]}`).env['F']
  assert.equal(value('status.podIP'), '127.3.0.2')
  assert.equal(value('metadata.name'), 'p')
  assert.equal(value('metadata.namespace'), 'shop')
  assert.equal(value('spec.serviceAccountName'), 'sam')
  assert.equal(value("metadata.labels['app']"), 'x')
})

test('HOST and PORT are set unless the container sets them', () => {
  const container = '{name: a, command: [a], ports: [{containerPort: 8080}], env: [{name: PORT, value: "9"}]}'
  const { env } = start(container)
  assert.deepEqual([env['HOST'], env['PORT'], env['POD_IP']], ['127.3.0.2', '9', '127.3.0.2'])
})

test('a pod outside the mesh listens in the place of its proxy', () => {
  assert.equal(start('{name: a, command: [a]}', '{smi-mesh.dev/inject: disabled}').env['POD_IP'], '127.3.0.1')
})

test('variables are substituted in command, args and later variables', () => {
  const { command, env } = start(
    '{name: a, command: [run], args: ["--at=$(URL)", "$(NOT_THERE)", "$$(URL)"], env: [{name: URL, value: "http://$(PAY_V1_SERVICE_HOST):$(PAY_V1_SERVICE_PORT)/"}]}',
  )
  assert.equal(env['URL'], 'http://127.3.1.4:10080/')
  assert.deepEqual(command, ['run', '--at=http://127.3.1.4:10080/', '$(NOT_THERE)', '$(URL)'])
})

test('a substituted value is not substituted again', () => {
  assert.equal(substitute('$(A)', { A: '$(B)', B: 'x' }), '$(B)')
})
