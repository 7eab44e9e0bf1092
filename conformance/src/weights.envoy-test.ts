import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type EnvoyDriver, startEnvoyDriver } from './drivers/envoy.ts'
import { envoyBinary } from './harness/envoy.ts'
import { type Call, DEFAULT_WORLD_CONFIG, type Outcome, type World } from './world.ts'
import { CAST, clusterIp, POD_PORTS } from './worlds/cast.ts'
import { namespaceObject, podObject, serviceObject, smiObject } from './worlds/objects.ts'

const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
const skip = binary === undefined ? 'There is no Envoy on this machine: run `make setup`, or set ENVOY.' : false

const HTTP: Call = { kind: 'http', method: 'GET', path: '/', headers: [['Host', 'web']] }
/** By chance alone once in three million runs. */
const TOO_FAR = 5

const red = (name: string) => ({ namespace: 'red', name })

/** Web in two versions, one pod each, divided by a TrafficSplit. */
function divided(v1: number, v2: number): World {
  const versions: Readonly<Record<string, string>> = { 'red-b1': '1', 'red-b2': '2' }
  const ports = [
    { port: 80, targetPort: 8080, name: 'http' },
    { port: 9000, name: 'tcp' },
  ]
  const backends = [
    { service: 'web-v1', weight: v1 },
    { service: 'web-v2', weight: v2 },
  ]
  return {
    config: DEFAULT_WORLD_CONFIG,
    objects: [
      namespaceObject('red', { 'smi-mesh.dev/access': 'permissive' }),
      namespaceObject('blue'),
      ...CAST.map(member => {
        const version = versions[member.pod.name]
        const labels = version === undefined ? { app: 'none' } : { app: 'web', version }
        return podObject(member.pod, { ...member, labels, ports: POD_PORTS })
      }),
      serviceObject(red('web'), clusterIp(red('web')), { app: 'web' }, ports),
      serviceObject(red('web-v1'), clusterIp(red('web-v1')), { version: '1' }, ports),
      serviceObject(red('web-v2'), clusterIp(red('web-v2')), { version: '2' }, ports),
      smiObject('TrafficSplit', 'v1alpha4', red('canary'), { spec: { service: 'web', backends } }),
    ],
  }
}

describe('a split divides', { skip }, () => {
  let driver: EnvoyDriver | undefined
  before(async () => {
    driver = binary === undefined ? undefined : await startEnvoyDriver(binary, DEFAULT_WORLD_CONFIG)
  })
  after(() => driver?.stop())

  async function countsOf(
    world: World,
    call: Call,
    times: number,
  ): Promise<{ readonly v1: number; readonly v2: number }> {
    assert.ok(driver)
    await driver.enter(world)
    const counts = { v1: 0, v2: 0 }
    for (let asked = 0; asked < times; asked++) {
      const outcome: Outcome = await driver.ask({
        caller: { kind: 'pod', pod: red('red-a') },
        target: { kind: 'service', service: red('web'), port: call.kind === 'tcp' ? 9000 : 80 },
        call,
      })
      if (outcome === 'pod red/red-b1') counts.v1++
      else if (outcome === 'pod red/red-b2') counts.v2++
      else assert.fail(outcome)
    }
    return counts
  }

  for (const { call, times } of [
    { call: HTTP, times: 1_500 },
    { call: { kind: 'tcp' }, times: 300 },
  ] as const) {
    const what = call.kind === 'http' ? 'requests' : 'connections'

    for (const [v1, v2] of [
      [90, 10],
      [1, 2],
    ] as const) {
      test(`${what} ${v1} to ${v2}`, async () => {
        const counts = await countsOf(divided(v1, v2), call, times)
        const share = v1 / (v1 + v2)
        const deviation = Math.sqrt(times * share * (1 - share))
        const off = (counts.v1 - times * share) / deviation
        assert.ok(Math.abs(off) < TOO_FAR, `${counts.v1} of ${times} went to v1, ${off.toFixed(1)} deviations off`)
      })
    }

    test(`${what} so that a weight of nought gets none of them`, async () => {
      assert.deepEqual(await countsOf(divided(0, 1), call, 100), { v1: 0, v2: 100 })
    })
  }
})
