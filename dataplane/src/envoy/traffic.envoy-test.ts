/** What the resources of this folder do to traffic, between real Envoys on loopback. */
import assert from 'node:assert/strict'
import { Server as HttpServer } from 'node:http'
import { connect, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import {
  type AccessRule,
  applicationAddress,
  clusterAddressSeenBy,
  type HttpMatch,
  podAddress,
  type ServiceKey,
  type ServicePortKey,
  type Workload,
  workloadPortKey,
} from '../mesh/index.ts'
import {
  ask,
  askHttp2,
  echoOverUpgrade,
  greeter,
  greetingOf,
  http2Application,
  httpApplication,
  type Place,
} from './testdata/client.ts'
import { envoyBinary, until } from './testdata/envoy-process.ts'
import { MeshOfProcesses } from './testdata/mesh-of-processes.ts'
import { addPod, addService, allow, identity, peer, plain, toItself } from './testdata/world.ts'

const binary = envoyBinary()
const CLIENT = 171
const STRANGER = 172
const V1 = 173
const V2 = 174

describe('traffic', { skip: binary === undefined ? 'no Envoy binary: set ENVOY' : false, timeout: 120_000 }, () => {
  const mesh = new MeshOfProcesses(binary ?? '')
  const { world } = mesh
  const applications: Server[] = []
  let greetings = 0
  const ports = { 8080: 'http', 8090: 'http2', 9000: 'tcp', 8070: 'auto' } as const
  const client = addPod(world, { name: 'client', subnet: CLIENT })
  const stranger = addPod(world, { name: 'stranger', subnet: STRANGER })
  const v1 = addPod(world, { name: 'web-v1', subnet: V1, ports })
  const v2 = addPod(world, { name: 'web-v2', subnet: V2, ports: { 8080: 'http' } })

  function service(name: string, index: number, port: keyof typeof ports, pods: readonly Workload[]): ServicePortKey {
    const endpoints = pods.map(pod => peer(pod, port))
    const exposure = name === 'secret' || name === 'secret-db' ? 'restricted' : 'open'
    return addService(world, { name, ips: [`127.0.77.${index}`], port, protocol: ports[port], endpoints, exposure })
  }

  const web = service('web', 1, 8080, [v1, v2])
  const webV1 = service('web-v1', 2, 8080, [v1])
  const webV2 = service('web-v2', 3, 8080, [v2])
  service('grpc', 4, 8090, [v1])
  service('db', 5, 9000, [v1])
  service('any', 6, 8070, [v1])
  service('secret', 7, 8080, [v2])
  service('secret-db', 8, 9000, [v1])
  addService(world, {
    name: 'plain',
    ips: ['127.0.77.9'],
    port: 8080,
    protocol: 'http',
    endpoints: [plain(applicationAddress(V1), 8080)],
  })
  addService(world, { name: 'empty', ips: ['127.0.77.10'], port: 8080, protocol: 'http' })
  addService(world, {
    name: 'half',
    ips: ['127.0.77.11'],
    port: 8080,
    protocol: 'http',
    // On the second address nobody listens.
    endpoints: [peer(v1, 8080), plain('127.173.0.99', 8080)],
  })

  /** A service as a pod sees it. */
  function at(subnet: number, index: number, port: number): Place {
    return { host: clusterAddressSeenBy(subnet, `127.0.77.${index}`) ?? assert.fail(), port }
  }

  function rule(name: string, match: Partial<HttpMatch> | 'any', ...accounts: readonly string[]): AccessRule {
    const all = { kind: 'http', path: 'any', methods: 'any', headers: [] } as const
    return {
      name: `traffictarget/shop/${name}/0`,
      sources: accounts.map(identity),
      matches: [match === 'any' ? { kind: 'any' } : { ...all, ...match }],
      from: [],
    }
  }

  before(async () => {
    const api = { path: { regex: '/(api|socket)', anchor: 'start' }, methods: ['GET', 'POST'] } as const
    for (const pod of [v1, v2]) allow(world, pod, 8080, { rules: [rule('api', api, 'client')] })
    for (const port of [8090, 9000, 8070]) allow(world, v1, port, { rules: [rule('all', 'any', 'client')] })
    mesh.commit()
    applications.push(
      await httpApplication('v1', { host: applicationAddress(V1), port: 8080 }),
      await httpApplication('v2', { host: applicationAddress(V2), port: 8080 }),
      await httpApplication('any', { host: applicationAddress(V1), port: 8070 }),
      await http2Application({ host: applicationAddress(V1), port: 8090 }),
      await greeter({ host: applicationAddress(V1), port: 9000 }, '220 ready', () => greetings++),
    )
    await mesh.start(client, stranger, v1, v2)
    await until('the client reaches web', async () => (await ask(at(CLIENT, 1, 8080), { path: '/api' })).status === 200)
  })

  after(async () => {
    await mesh.stop()
    for (const server of applications) server.close()
  })

  test('a request that a rule allows arrives, with the proved identity of its caller', async () => {
    const { status, body } = await ask(at(CLIENT, 2, 8080), {
      path: '/api/v1?q=1',
      headers: { 'x-forwarded-client-cert': 'URI=forged' },
    })
    const got = JSON.parse(body)
    assert.deepEqual([status, got.name, got.path], [200, 'v1', '/api/v1?q=1'])
    assert.match(got.headers['x-forwarded-client-cert'], new RegExp(`URI=${identity('client')}$`))
    assert.doesNotMatch(got.headers['x-forwarded-client-cert'], /forged/)
  })

  test('a request that no rule allows gets 403 and the reason', async () => {
    for (const asked of [
      { path: '/admin' },
      { path: '/api', method: 'DELETE' },
      { path: '/api/../admin' },
      { path: '//admin' },
    ]) {
      const { status, headers } = await ask(at(CLIENT, 2, 8080), asked)
      assert.deepEqual(
        [status, headers['x-smi-reason']],
        [403, 'no TrafficTarget allows this request'],
        JSON.stringify(asked),
      )
    }
  })

  test('a header in several lines is judged as one value, by rules and by routes', async () => {
    const key = [...world.access.keys()].find(each => each.startsWith(v2.key)) ?? assert.fail()
    const access = world.access.get(key) ?? assert.fail()
    const headers = [
      { name: 'x-role', value: { regex: 'admin', anchor: 'full' } },
      { name: 'cookie', value: { regex: 'a=1(; b=2)?', anchor: 'full' } },
    ] as const
    world.access.set(key, { ...access, rules: [rule('role', { headers }, 'client')] })
    const only = { kind: 'http', path: 'any', methods: 'any', headers: headers.slice(0, 1) } as const
    const refuse = { kind: 'refuse', status: 418, reason: 'the route fits' } as const
    world.routes.set(webV1, { key: webV1, routes: [{ match: only, action: refuse, from: [] }, toItself(webV1)] })
    mesh.commit()
    const status = async (index: number, role: string[], cookie: string | string[] = 'a=1') =>
      (await ask(at(CLIENT, index, 8080), { path: '/api', headers: { 'x-role': role, cookie } })).status
    await until('the rule holds', async () => (await status(3, ['admin'])) === 200)
    await until('the route fits', async () => (await status(2, ['admin'])) === 418)
    for (const role of [['admin', 'guest'], ['guest', 'admin'], ['admin', 'admin'], ['admin,guest'], ['guest']]) {
      assert.deepEqual([await status(3, role), await status(2, role)], [403, 200], role.join(' / '))
    }
    assert.equal(await status(3, ['admin'], ['a=1', 'b=2']), 200)
    world.access.set(key, access)
    world.routes.set(webV1, { key: webV1, routes: [toItself(webV1)] })
    mesh.commit()
    await until('the rule is gone', async () => (await status(3, ['guest'])) === 200)
  })

  test('an escaped slash cannot hide a path from the rules', async () => {
    const { status } = await ask(at(CLIENT, 2, 8080), { path: '/api%2F..%2Fadmin' })
    assert.equal(status, 400)
  })

  test('another identity is not let in', async () => {
    const { status, headers } = await ask(at(STRANGER, 2, 8080), { path: '/api' })
    assert.deepEqual([status, headers['x-smi-reason']], [403, 'no TrafficTarget allows this request'])
  })

  test('a caller without identity is refused where that is the rule, and let in where not', async () => {
    const direct = { host: podAddress(V2), port: 8080 }
    const refused = await ask(direct, { path: '/api' })
    assert.deepEqual([refused.status, refused.headers['x-smi-reason']], [403, 'caller has no mesh identity'])
    const access = world.access.get([...world.access.keys()].find(key => key.startsWith(v2.key)) ?? assert.fail())
    assert.ok(access)
    world.access.set(access.key, { ...access, unidentified: 'allow' })
    mesh.commit()
    await until('plain callers are let in', async () => (await ask(direct, { path: '/anything' })).status === 200)
    const { body } = await ask(direct, { headers: { 'x-forwarded-client-cert': 'URI=forged' } })
    assert.equal(JSON.parse(body).headers['x-forwarded-client-cert'], undefined)
    world.access.set(access.key, access)
    mesh.commit()
    await until('plain callers are refused again', async () => (await ask(direct)).status === 403)
  })

  test('who cannot reach a service is refused by its own proxy', async () => {
    const { status, headers } = await ask(at(CLIENT, 7, 8080), { path: '/api' })
    assert.deepEqual([status, headers['x-smi-reason']], [403, 'no TrafficTarget lets this caller use the service'])
    assert.equal(await greetingOf(at(CLIENT, 8, 9000)), undefined)
    await until('it counts for the service that was asked for', async () => {
      const { body } = await mesh.envoy(client).admin('/stats/prometheus?filter=smi.requests_total')
      return /direction="outbound",service_port="shop\/secret:8080".*response_code="403".*} [1-9]/.test(body)
    })
  })

  test('connections of bytes are those of the listener that are not of HTTP', async () => {
    const gauges = async () => {
      const { body } = await mesh.envoy(v1).admin('/stats?format=json&filter=inbound.downstream_cx_active')
      const { stats }: { stats: readonly { name?: string; value: number }[] } = JSON.parse(body)
      const of = (prefix: string) => stats.find(({ name }) => name === `${prefix}.inbound.downstream_cx_active`)?.value
      return { all: of('listener') ?? Number.NaN, http: of('http') ?? Number.NaN }
    }
    await ask(at(CLIENT, 2, 8080), { path: '/api' })
    await until('only HTTP is left', async () => (await gauges()).all === (await gauges()).http)
    const socket = connect(at(CLIENT, 5, 9000))
    await until('there is one of bytes', async () => (await gauges()).all === (await gauges()).http + 1)
    assert.ok((await gauges()).http > 0, 'while those of HTTP stay open')
    socket.destroy()
    await until('it is gone', async () => (await gauges()).all === (await gauges()).http)
  })

  test('a service comes into reach while connections are open', async () => {
    world.reach.set(client.identity, {
      identity: client.identity,
      services: ['shop/secret', 'shop/secret-db'] as ServiceKey[],
    })
    mesh.commit()
    await until('secret answers', async () => (await ask(at(CLIENT, 7, 8080), { path: '/api' })).status === 200)
    await until('secret-db answers', async () => (await greetingOf(at(CLIENT, 8, 9000))) === '220 ready')
    world.reach.delete(client.identity)
    mesh.commit()
    await until('secret is refused', async () => (await ask(at(CLIENT, 7, 8080), { path: '/api' })).status === 403)
  })

  test('an upgrade to WebSocket passes both proxies', async () => {
    assert.equal(await echoOverUpgrade(at(CLIENT, 2, 8080), 'over h2'), 'over h2')
    assert.equal(await echoOverUpgrade(at(CLIENT, 6, 8070), 'as it came'), 'as it came')
    assert.equal(await echoOverUpgrade(at(STRANGER, 2, 8080), 'never'), 403)
  })

  test('h2c and the trailers of gRPC arrive', async () => {
    const { status, body, trailers } = await askHttp2(at(CLIENT, 4, 8090), '/pkg.Service/Method')
    assert.deepEqual([status, body, trailers['grpc-status'], trailers['grpc-message']], [200, 'reply', '0', 'fine'])
  })

  test('a server of a tcp port may speak first, to whom the rules allow', async () => {
    const started = Date.now()
    assert.equal(await greetingOf(at(CLIENT, 5, 9000)), '220 ready')
    assert.ok(Date.now() - started < 1500, 'nothing waited for the client to speak')
    const greeted = greetings
    assert.equal(await greetingOf(at(STRANGER, 5, 9000)), undefined)
    assert.equal(await greetingOf({ host: podAddress(V1), port: 9000 }), undefined)
    assert.equal(greetings, greeted, 'the application has not even seen the others')
  })

  test('a port nobody described speaks HTTP in the version of its caller', async () => {
    const { status, body } = await ask(at(CLIENT, 6, 8070), { path: '/x' })
    assert.deepEqual([status, JSON.parse(body).name], [200, 'any'])
  })

  test('weights are shares, and a new weight holds for the next request', async () => {
    const split = (one: number, two: number) => {
      const backends = [
        { backend: webV1, weight: one },
        { backend: webV2, weight: two },
      ].filter(({ weight }) => weight > 0)
      world.routes.set(web, {
        key: web,
        routes: [{ match: { kind: 'any' }, action: { kind: 'forward', backends }, from: [] }],
      })
      mesh.commit()
    }
    const answered = async () => JSON.parse((await ask(at(CLIENT, 1, 8080), { path: '/api' })).body).name
    split(1, 0)
    await until('only v1 answers', async () =>
      (await Promise.all(Array.from({ length: 20 }, answered))).every(name => name === 'v1'),
    )
    split(80, 20)
    await until('v2 answers too', async () => (await answered()) === 'v2')
    const names = await Promise.all(Array.from({ length: 400 }, answered))
    const second = names.filter(name => name === 'v2').length
    // Binomial with n = 400, p = 0.2: outside of 40 to 120 once in 10^6 runs.
    assert.ok(second > 40 && second < 120, `${second} of 400`)
    world.routes.set(web, { key: web, routes: [toItself(web)] })
    mesh.commit()
  })

  test('a plain server gets HTTP/1.1 without TLS', async () => {
    assert.equal(JSON.parse((await ask(at(CLIENT, 9, 8080), { path: '/x' })).body).name, 'v1')
  })

  test('a service without endpoints says so', async () => {
    const { status, headers } = await ask(at(CLIENT, 10, 8080))
    assert.deepEqual([status, headers['x-smi-reason']], [503, 'no endpoint of the service is ready'])
  })

  test('an endpoint that nobody listens on costs no request', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(at(CLIENT, 11, 8080), { path: '/api', method: 'POST' })),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  })

  test('an application that is down is tried elsewhere, whatever the method', async () => {
    const [, second] = applications
    second?.close()
    // Or it goes on answering where it is asked without a pause.
    if (second instanceof HttpServer) second.closeAllConnections()
    await until('v2 is down', async () => (await ask(at(CLIENT, 3, 8080), { path: '/api' })).status === 503)
    const { headers } = await ask(at(CLIENT, 3, 8080), { path: '/api' })
    assert.equal(headers['x-smi-reason'], 'the application does not answer on its port')
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => ask(at(CLIENT, 1, 8080), { path: '/api', method: 'POST' })),
    )
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    applications[1] = await httpApplication('v2', { host: applicationAddress(V2), port: 8080 })
  })

  test('audit lets through what enforcing would refuse, and counts it', async () => {
    const key = [...world.access.keys()].find(each => each.startsWith(v2.key)) ?? assert.fail()
    const access = world.access.get(key) ?? assert.fail()
    world.access.set(key, { ...access, mode: 'audit', unidentified: 'allow' })
    mesh.commit()
    await until('audit is on', async () => (await ask(at(STRANGER, 3, 8080), { path: '/admin' })).status === 200)
    const counted = async () => (await mesh.envoy(v2).admin('/stats?filter=smi.requests_total')).body
    await until('it is counted', async () => {
      const lines = (await counted()).split('\n').filter(line => line.includes('audit.denied'))
      return lines.some(line => line.includes(`source.${identity('stranger')}`) && line.includes('response_code.200'))
    })
    const proxy = mesh.envoy(v2)
    await ask(at(STRANGER, 3, 8080), { path: '/admin/users?token=abc' })
    await until('it is logged', async () => proxy.accessLog().some(line => line['path'] === '/admin/users'))
    const logged = proxy.accessLog().find(line => line['path'] === '/admin/users')
    assert.deepEqual([logged?.['direction'], logged?.['audit']], ['inbound', 'denied'])
    assert.doesNotMatch(JSON.stringify(proxy.accessLog()), /token=/, 'A query may carry secrets.')
    world.access.set(key, access)
    mesh.commit()
  })

  test('request headers that a proxy alone may write reach no application', async () => {
    const steering = {
      'x-envoy-upstream-rq-timeout-ms': '1',
      'x-envoy-retry-on': '5xx',
      'x-envoy-attempt-count': '7',
      'X-Envoy-External-Address': '203.0.113.1',
      'x-envoy-internal': 'true',
      'x-envoy-peer-metadata-id': 'forged',
      'x-smi-unsent': 'true',
      'x-kept': 'yes',
    }
    const seen = async (place: Place) =>
      JSON.parse((await ask(place, { path: '/api', headers: steering })).body).headers
    const own = (headers: object) => Object.keys(headers).filter(name => /^x-(envoy|smi)-/.test(name))
    const key = workloadPortKey(v1.key, 8080)
    const access = world.access.get(key) ?? assert.fail()
    world.access.set(key, { ...access, unidentified: 'allow' })
    mesh.commit()
    const direct = { host: podAddress(V1), port: 8080 }
    await until('plain callers are let in', async () => (await ask(direct)).status === 200)
    for (const place of [at(CLIENT, 2, 8080), direct, at(CLIENT, 9, 8080)]) {
      const headers = await seen(place)
      assert.deepEqual([own(headers), headers['x-kept']], [[], 'yes'], place.host)
    }
    world.access.set(key, access)
    mesh.commit()
  })

  test('no proxy refused anything it was sent', () => {
    assert.deepEqual(mesh.complaints, [])
  })
})
