/** Pods in network namespaces of their own: what the rules of the kernel, a real Envoy and a live control plane make of traffic. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CAPTURE_ALL } from '@smi-mesh/dataplane/sidecar'
import { envoyBinary } from '../../dataplane/src/envoy/testdata/envoy-process.ts'
import { manifests } from '../testdata/world.ts'
import { NetworkMesh, until } from './netns/mesh.ts'
import { APPLICATION_USER, type NetworkPod, obstacle, PROXY_USER } from './netns/network.ts'

const binary = envoyBinary()
const skip = obstacle() ?? (binary === undefined ? 'no Envoy binary: set ENVOY' : false)

const account = (name: string) => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: shop }
---`
const service = (name: string, ip: string, selector: string, ports: string, ipv6 = '') => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { clusterIP: ${ip}, clusterIPs: ["${ip}"${ipv6 === '' ? '' : `, "${ipv6}"`}], selector: ${selector}, ports: [${ports}] }
---`
const pod = (name: string, version: string, index: number, more = '') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, uid: uid-of-${name}, labels: { app: ${version === '' ? name : 'web'}, version: "${version}" }${more} }
spec: { serviceAccountName: ${name}, containers: [{ name: app, ports: [{ containerPort: 8080, name: http }, { containerPort: 3306, name: mysql }] }] }
status: { podIP: 10.77.0.${index} }
---`
/** As Kubernetes writes them for a Service of that family. */
const slice = (of: string, family: 'IPv4' | 'IPv6', address: string) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${of}-${family.toLowerCase()}, namespace: shop, labels: { kubernetes.io/service-name: ${of} } }
addressType: ${family}
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: ["${address}"], targetRef: { kind: Pod, name: web-v1 } }]
---`
const target = (name: string, kind: string, rule: string) => `apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: { name: ${name}-${rule}, namespace: shop }
spec:
  destination: { kind: ServiceAccount, name: ${name}, namespace: shop }
  sources: [{ kind: ServiceAccount, name: client, namespace: shop }]
  rules: [{ kind: ${kind}, name: ${rule} }]
---
`
const HTTP = '{ name: http, port: 80, targetPort: 8080 }'
const MYSQL = '{ name: mysql, appProtocol: tcp, port: 3306, targetPort: 3306 }'

const OBJECTS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---${['client', 'web-v1', 'web-v2'].map(account).join('')}
${service('web', '10.96.0.10', '{ app: web }', HTTP, 'fd96::10')}
${service('web-v1', '10.96.0.11', '{ app: web, version: v1 }', `${HTTP}, ${MYSQL}`)}
${service('web-v2', '10.96.0.12', '{ app: web, version: v2 }', HTTP)}
${service('client', '10.96.0.13', '{ app: client }', HTTP)}
${service('six', 'fd96::16', '{ app: web, version: v1 }', HTTP)}${slice('six', 'IPv6', 'fd77::12')}
${service('peers', 'None', '{ app: web, version: v1 }', '{ name: http, port: 8080 }')}
${slice('peers', 'IPv4', '10.77.0.12')}${slice('peers', 'IPv6', 'fd77::12')}
${pod('client', '', 11)}${pod('web-v1', 'v1', 12)}${pod('web-v2', 'v2', 13)}
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: pages, namespace: shop }
spec: { matches: [{ name: api, pathRegex: /api, methods: [GET] }] }
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: { name: mysql, namespace: shop }
spec: { matches: { ports: [3306] } }
---
${['web-v1', 'web-v2', 'client'].flatMap(name => [target(name, 'HTTPRouteGroup', 'pages'), target(name, 'TCPRoute', 'mysql')]).join('')}`

const split = (v1: number, v2: number) =>
  manifests(`apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: canary, namespace: shop }
spec: { service: web, backends: [{ service: web-v1, weight: ${v1} }, { service: web-v2, weight: ${v2} }] }`)

const CAPTURE = {
  inbound: { ports: 'all', exceptPorts: [9999] },
  outbound: { ranges: 'all', exceptRanges: ['10.77.200.0/24', 'fd77:200::/64'], exceptPorts: [9999] },
} as const

for (const rules of ['nft', 'iptables'] as const) {
  describe(`pods with rules of ${rules}`, { skip, timeout: 200_000 }, () => {
    let mesh: NetworkMesh | undefined
    const pods = new Map<string, NetworkPod>()
    const at = (name: string) => pods.get(name) ?? assert.fail(`no pod ${name}`)
    const told = (body: string) => JSON.parse(body === '' ? '{}' : body)

    before(async () => {
      mesh = new NetworkMesh(binary ?? '', manifests(OBJECTS))
      await mesh.start()
      const sidecar = {
        capture: CAPTURE,
        probes: [
          { path: '/probe/app/live', kind: 'http', port: 8080, timeoutS: 2, scheme: 'HTTP', target: '/health?deep=1' },
          { path: '/probe/app/moved', kind: 'http', port: 8080, timeoutS: 2, scheme: 'HTTP', target: '/moved' },
          { path: '/probe/app/broken', kind: 'http', port: 8080, timeoutS: 2, scheme: 'HTTP', target: '/broken' },
          { path: '/probe/app/tcp', kind: 'tcp', port: 3306, timeoutS: 1, periodS: 2 },
        ],
      } as const
      pods.set('client', mesh.pod('client', { index: 11, account: 'client', rules, sidecar }))
      pods.set('web-v1', mesh.pod('web-v1', { index: 12, account: 'web-v1', rules, sidecar }))
      pods.set('web-v2', mesh.pod('web-v2', { index: 13, account: 'web-v2', rules, sidecar }))
      const stranger = mesh.network.pod('stranger', 14)
      pods.set('stranger', stranger)
      const application = new URL('netns/application.ts', import.meta.url).pathname
      stranger.start(APPLICATION_USER, [process.execPath, application, 'stranger'], 'application')
      const ready = (name: string) => () => at('stranger').curl(`http://${at(name).ipv4}:15021/ready`).status === 200
      for (const name of ['client', 'web-v1', 'web-v2']) await until(`${name} is ready`, ready(name), 60_000)
      await until('the client reaches web', () => at('client').curl('http://10.96.0.10/api').status === 200)
    })
    after(() => mesh?.stop())

    test('a call to a Service arrives with the identity of its caller, or is refused by the rules', () => {
      const { status, body } = at('client').curl('http://10.96.0.11/api')
      const { name, headers } = told(body)
      assert.deepEqual([status, name], [200, 'web-v1'])
      assert.match(headers['x-forwarded-client-cert'], /URI=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/client/)
      assert.equal(at('client').curl('http://10.96.0.11/admin').status, 403)
      assert.equal(at('web-v2').curl('http://10.96.0.11/api').status, 403)
    })

    test('the rules hold for those who bring no proxy, at the address of the pod', () => {
      assert.equal(at('stranger').curl(`http://${at('web-v1').ipv4}:8080/api`).status, 403)
      assert.equal(at('stranger').curl(`http://[${at('web-v1').ipv6}]:8080/api`).status, 403)
      assert.equal(at('stranger').curl(`http://${at('web-v1').ipv4}:15006/`).status, 0)
      assert.equal(at('stranger').curl(`http://${at('web-v1').ipv4}:15001/`).status, 403)
    })

    test('ports that are excepted on both sides are reached directly', () => {
      const { name, from, headers } = told(at('client').curl(`http://${at('web-v1').ipv4}:9999/x`).body)
      assert.deepEqual([name, from.replace('::ffff:', '')], ['web-v1', at('client').ipv4])
      assert.equal(headers['x-forwarded-client-cert'], undefined)
    })

    test('what is not of the mesh is reached as if no proxy were there, over either family', () => {
      assert.equal(told(at('client').curl(`http://${at('stranger').ipv4}:8080/x`).body).name, 'stranger')
      assert.equal(told(at('client').curl(`http://[${at('stranger').ipv6}]:8080/x`).body).name, 'stranger')
    })

    test('a Service is called over IPv6 as well', () => {
      const { status, body } = at('client').curl('http://[fd96::10]/api')
      assert.equal(status, 200)
      assert.match(told(body).headers['x-forwarded-client-cert'], /sa\/client/)
    })

    test('a Service of IPv6 alone, and a pod at its address of IPv6, are called with the same identity and by the same rules', () => {
      for (const host of ['[fd96::16]:80', `[${at('web-v1').ipv6}]:8080`, `${at('web-v1').ipv4}:8080`]) {
        const { status, body } = at('client').curl(`http://${host}/api`)
        assert.deepEqual([status, told(body).name], [200, 'web-v1'], host)
        assert.match(told(body).headers['x-forwarded-client-cert'], /sa\/client/, host)
        assert.equal(at('client').curl(`http://${host}/admin`).status, 403, host)
        assert.equal(at('web-v2').curl(`http://${host}/api`).status, 403, host)
      }
    })

    test('a server that speaks first is heard at once', () => {
      const began = Date.now()
      const { stdout } = at('client').exec(APPLICATION_USER, ['curl', '-sN', '-m', '5', 'telnet://10.96.0.11:3306'])
      assert.equal(stdout, '220 web-v1 ready\n')
      assert.ok(Date.now() - began < 2500)
      const refused = at('web-v2').exec(APPLICATION_USER, ['curl', '-sN', '-m', '5', 'telnet://10.96.0.11:3306'])
      assert.equal(refused.stdout, '')
    })

    test('an application that calls its own Service is called by its proxy as by any other', () => {
      const { status, body } = at('client').curl('http://10.96.0.13/api')
      assert.deepEqual([status, told(body).name], [200, 'client'])
      assert.match(told(body).headers['x-forwarded-client-cert'], /sa\/client/)
      assert.equal(at('client').curl('http://10.96.0.13/admin').status, 403)
    })

    test('an application that calls itself, by loopback or by its own address, is left alone', () => {
      for (const host of ['127.0.0.1', at('web-v1').ipv4, '[::1]', `[${at('web-v1').ipv6}]`]) {
        const { name, headers } = told(at('web-v1').curl(`http://${host}:8080/admin`).body)
        assert.deepEqual([name, headers['x-forwarded-client-cert']], ['web-v1', undefined], host)
      }
    })

    test('the proxy alone is not led to itself', () => {
      const url = `http://${at('stranger').ipv4}:8080/x`
      assert.equal(told(at('client').curlAs(PROXY_USER, url).body).from.replace('::ffff:', ''), at('client').ipv4)
      assert.equal(at('client').curlAs(PROXY_USER, 'http://10.96.0.11/api').status, 0, 'no proxy, no Service')
      assert.equal(at('client').curlAs(0, 'http://10.96.0.11/api').status, 200, 'root is an application too')
    })

    test('an image that happens to run as the user of the proxy, or with its group, is captured like any other', () => {
      for (const [user, group] of [
        [PROXY_USER, 0],
        [PROXY_USER, PROXY_USER],
        [APPLICATION_USER, 15_461],
      ] as const) {
        assert.equal(at('client').curlAs(user, 'http://10.96.0.11/api', group).status, 200, `${user}:${group}`)
        assert.equal(at('client').curlAs(user, 'http://10.96.0.11/admin', group).status, 403, `${user}:${group}`)
      }
    })

    test('weights of a split hold', async () => {
      mesh?.source.put(...split(0, 100))
      const answered = () => told(at('client').curl('http://10.96.0.10/api').body).name
      await until('only v2 answers', () => [1, 2, 3, 4, 5, 6].every(() => answered() === 'web-v2'))
      mesh?.source.put(...split(100, 0))
      await until('only v1 answers', () => [1, 2, 3, 4, 5, 6].every(() => answered() === 'web-v1'))
    })

    test('a probe asks what it asked before, and nobody else gets in by it', () => {
      const probe = (path: string, ...words: readonly string[]) =>
        at('stranger').curl(`http://${at('web-v1').ipv4}:15021${path}`, ...words)
      const { status, body } = probe('/probe/app/live', '-H', 'Host: health.shop', '-H', 'X-Probe: yes')
      const { url, headers } = told(body)
      assert.deepEqual([status, url, headers.host, headers['x-probe']], [200, '/health?deep=1', 'health.shop', 'yes'])
      assert.deepEqual(
        Object.keys(headers).filter(name => /^x-(envoy|forwarded|request)/.test(name)),
        [],
      )
      assert.equal(probe('/probe/app/moved').status, 302)
      assert.equal(probe('/probe/app/broken').status, 500)
      for (const path of [
        '/probe/app/live?x=1',
        '/probe/app/live/',
        '/probe/app/live/../../admin',
        '/',
        '/ready?x',
        '/probe/app',
      ]) {
        assert.equal(probe(path, '--path-as-is').status, 404, path)
      }
      assert.equal(probe('/probe/app/live', '-X', 'POST').status, 404)
      assert.equal(probe('/probe/app/live', '-X', 'GET', '-d', 'body').status, 404)
    })

    test('numbers are there for Prometheus, and no more of the admin side', () => {
      const of = (path: string) => at('stranger').curl(`http://${at('web-v1').ipv4}:15090${path}`)
      assert.match(of('/stats/prometheus').body, /envoy_server_live/)
      for (const path of ['/config_dump', '/quitquitquit', '/stats', '/stats/prometheus?format=json']) {
        assert.equal(of(path).status, 404, path)
      }
    })

    test('what listens in a pod is its application, and of the proxy the four ports that are written', () => {
      const { stdout } = at('web-v1').exec(APPLICATION_USER, ['cat', '/proc/net/tcp', '/proc/net/tcp6'])
      const sockets = stdout.split('\n').map(line => line.trim().split(/\s+/))
      const listening = sockets.filter(columns => columns[3] === '0A').map(columns => columns[1]?.split(':')[1] ?? '')
      const ports = [...new Set(listening.map(port => Number.parseInt(port, 16)))].sort((one, other) => one - other)
      assert.deepEqual(ports, [3306, 8080, 9999, 15_001, 15_006, 15_021, 15_090])
    })

    test('nobody in the pod but its proxy may use the admin socket', () => {
      const ask = (user: number) =>
        at('web-v1').exec(user, [
          'curl',
          '-s',
          '-m',
          '3',
          '--unix-socket',
          '/run/smi-mesh/admin.sock',
          'http://x/ready',
        ])
      assert.equal(ask(APPLICATION_USER).stdout, '')
      assert.match(ask(PROXY_USER).stdout, /LIVE/)
    })

    test('rules that are set again are the same rules', () => {
      mesh?.init(at('web-v2'), { index: 13, account: 'web-v2', rules, sidecar: { capture: CAPTURE_ALL } })
      const listing = () =>
        rules === 'nft'
          ? at('web-v2').exec(0, ['nft', 'list', 'ruleset']).stdout
          : at('web-v2').exec(0, ['iptables-save', '-t', 'nat']).stdout
      const once = listing().replace(/^#.*|\[\d+:\d+\]/gm, '')
      mesh?.init(at('web-v2'), { index: 13, account: 'web-v2', rules, sidecar: { capture: CAPTURE_ALL } })
      assert.equal(listing().replace(/^#.*|\[\d+:\d+\]/gm, ''), once)
      assert.equal(at('stranger').curl(`http://${at('web-v2').ipv4}:9999/x`).status, 403, 'no longer excepted')
    })

    test('a tcp probe passes while the application takes connections and fails once it is dead', async () => {
      const probe = () => at('stranger').curl(`http://${at('web-v2').ipv4}:15021/probe/app/tcp`).status
      await until('it passes', () => probe() === 200)
      const [application] = at('web-v2').children()
      application?.kill('SIGKILL')
      await until('it fails', () => probe() === 503, 10_000)
    })

    test('a drained proxy goes on answering, tells callers to go elsewhere, and ends in time', () => {
      const { stdout, status } =
        mesh?.sidecar(at('web-v1'), 'drain', '--minimum', '0', '--maximum', '4') ?? assert.fail()
      assert.deepEqual([status, stdout], [0, 'Drained: quiet.\n'])
      assert.equal(at('client').curl('http://10.96.0.11/api').status, 200)
      assert.equal(at('stranger').curl(`http://${at('web-v1').ipv4}:15021/probe/app/live`).status, 200)
    })

    test('no proxy was refused, and none refused what it was told', () => {
      assert.deepEqual(mesh?.refusals, [])
    })
  })
}
