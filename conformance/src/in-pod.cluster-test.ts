/**
 * What an application reaches of its own proxy, in a real pod, as an ordinary user and as root: what docs/design/threat-model.md
 * says, and nothing else. And what becomes of pods that would run without a proxy.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { installMesh } from './harness/installer.ts'
import { until } from './harness/until.ts'

interface Seen {
  readonly files: readonly string[]
  readonly processes: readonly string[]
  readonly listening: readonly number[]
  readonly abstractSockets: readonly string[]
  /** By method, port and path: the status, or why there was none. */
  readonly answers: Readonly<Record<string, number | string>>
}

describe('what an application reaches of its proxy', { timeout: 600_000 }, () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster({ name: 'test-in-pod', level: 'full' })
    await installMesh(cluster.kubeconfig, 180)
    await cluster.kubectl(['apply', '-f', '-'], OBJECTS)
    await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=180s'])
  })
  after(() => cluster?.stop())

  for (const pod of ['ordinary', 'root']) {
    test(`as ${pod}: ports that answer what is written, and no file, process or socket of the proxy's`, async () => {
      const said = await cluster.kubectl(['-n', 'shop', 'exec', pod, '-c', 'app', '--', 'node', '-e', LOOK])
      const { files, processes, listening, abstractSockets, answers }: Seen = JSON.parse(said)
      assert.deepEqual(files, [])
      assert.deepEqual(processes, [])
      assert.deepEqual(abstractSockets, [])
      assert.deepEqual(listening, [8080, 15_001, 15_006, 15_021, 15_090])
      assert.deepEqual(answers, {
        'GET 15021 /ready': 200,
        'GET 15021 /config_dump': 404,
        'GET 15021 /probe/app/liveness/../../../config_dump': 404,
        'GET 15090 /stats/prometheus': 200,
        'GET 15090 /config_dump?include_eds': 404,
        'GET 15090 /certs': 404,
        'POST 15090 /quitquitquit': 404,
        'POST 15021 /quitquitquit': 404,
        'GET 15000 /config_dump': 'ECONNREFUSED',
        'GET 9901 /config_dump': 'ECONNREFUSED',
      })
    })
  }

  test('a namespace that takes no pod without a proxy refuses one that cannot have one, with the reason and an Event', async () => {
    await cluster.kubectl(['annotate', 'namespace', 'shop', 'smi-mesh.dev/uninjected=deny'])
    const hosted = podText('hosted', '  hostNetwork: true\n')
    const why = /network of its node.*Namespace shop takes no pod without a proxy/s
    const refusal = (...words: readonly string[]) =>
      cluster.kubectl(['apply', ...words, '-f', '-'], hosted).catch((error: unknown) => String(error))
    await until('the annotation is known', async () => why.test(await refusal('--dry-run=server')))
    assert.match(await refusal(), why)
    const events = () => cluster.kubectl(['-n', 'shop', 'get', 'events', '-o=jsonpath={.items[*].reason}'])
    await until('an Event says it, too', async () => (await events()).includes('HostNetwork'))
    await cluster.kubectl(['apply', '-f', '-'], podText('out', '', 'smi-mesh.dev/inject: disabled'))
    await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Ready', 'pod', 'out', '--timeout=60s'])
  })

  test('a dry run of a pod is answered, for the webhook says that it writes nothing then', async () => {
    const said = await cluster.kubectl(['apply', '--dry-run=server', '-o', 'yaml', '-f', '-'], podText('dry', ''))
    assert.match(said, /name: smi-mesh-proxy/)
  })
})

/** Run by an application. */
const LOOK = `
const fs = require('node:fs'), http = require('node:http')
const lines = path => fs.existsSync(path) ? fs.readFileSync(path, 'utf8').trim().split('\\n').slice(1).map(line => line.trim().split(/\\s+/)) : []
const files = ['/run/smi-mesh', '/var/run/smi-mesh', '/run/secrets/smi-mesh.dev', '/var/run/secrets/smi-mesh.dev'].filter(path => fs.existsSync(path))
const comm = id => { try { return fs.readFileSync('/proc/' + id + '/comm', 'utf8').trim() } catch { return '' } }
const processes = fs.readdirSync('/proc').filter(id => /^\\d+$/.test(id)).map(comm).filter(name => /envoy/.test(name))
const tcp = [...lines('/proc/net/tcp'), ...lines('/proc/net/tcp6')].filter(columns => columns[3] === '0A')
const listening = [...new Set(tcp.map(columns => parseInt(columns[1].split(':')[1], 16)))].sort((a, b) => a - b)
const abstractSockets = lines('/proc/net/unix').map(columns => columns[7] ?? '').filter(path => path.startsWith('@'))
const asked = [['GET', 15021, '/ready'], ['GET', 15021, '/config_dump'], ['GET', 15021, '/probe/app/liveness/../../../config_dump'],
  ['GET', 15090, '/stats/prometheus'], ['GET', 15090, '/config_dump?include_eds'], ['GET', 15090, '/certs'],
  ['POST', 15090, '/quitquitquit'], ['POST', 15021, '/quitquitquit'], ['GET', 15000, '/config_dump'], ['GET', 9901, '/config_dump']]
const ask = ([method, port, path]) => new Promise(resolve => {
  const request = http.request({ host: '127.0.0.1', port, path, method, timeout: 5000 }, response => { response.resume(); resolve(response.statusCode) })
  request.on('timeout', () => request.destroy(new Error('timeout')))
  request.on('error', error => resolve(error.code ?? error.message))
  request.end()
})
Promise.all(asked.map(ask)).then(found => {
  const answers = Object.fromEntries(asked.map((words, at) => [words.join(' '), found[at]]))
  process.stdout.write(JSON.stringify({ files, processes, listening, abstractSockets, answers }))
})
`

function podText(name: string, spec: string, annotation = 'example.com/of: tests'): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, annotations: { ${annotation} } }
spec:
${spec}  serviceAccountName: app
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: localhost/smi-mesh-test/echo:1
    command: [node, -e, "require('node:http').createServer((_, answer) => answer.end('app')).listen(8080)"]
    ports: [{ containerPort: 8080 }]
    livenessProbe: { httpGet: { port: 8080, path: / } }
`
}

const OBJECTS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { smi-mesh.dev/inject: enabled } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: app, namespace: shop }
---${podText('ordinary', '  securityContext: { runAsUser: 1000, runAsGroup: 1000 }\n')}---${podText('root', '  securityContext: { runAsUser: 0, runAsGroup: 0 }\n')}`
