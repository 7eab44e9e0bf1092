/**
 * Nothing is lost while parts of a real cluster are restarted, ended and gone: 200 requests a second by POST on kept connections, gRPC
 * and WebSocket go through sidecars all the time, and each has to be answered as it should be.
 *
 * What counts as answered where a server ends: requests that were begun. On a stream, every message that was sent; a server that is
 * told to end asks its streams to leave, as frameworks do, and clients open another at once. See `conformance/app/endurance`.
 *
 * OUTAGE_S says how long the API server and the operator are gone (30).
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isObserved } from '../drivers/cluster/kubernetes.ts'
import { killApiServer, startApiServer } from '../harness/api-server.ts'
import { type Cluster, startCluster } from '../harness/cluster.ts'
import { until as untilIn } from '../harness/until.ts'
import { fields, list, text } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'
import { killContainer } from './kill-container.ts'
import { reportsIn, together } from './reports.ts'
import { beforeAnybodyCalls, clients, lateClient, NAMESPACE, splitOfNobody } from './scene.ts'
import { timersThatEndStreams } from './timers.ts'

const run = promisify(execFile)
const NAME = 'test-endurance'
const CHECKOUT = resolve(import.meta.dirname, '../../..')
const TOOLS = join(CHECKOUT, '.tools/bin')
const VALUES = join(CHECKOUT, 'conformance/cluster/manifests/mesh-values.yaml')
const OUTAGE_MS = 1000 * Number(process.env['OUTAGE_S'] ?? 30)
const DEADLINE_MS = 180_000
/** "pods created meanwhile start within 30 s after it is back": what of that time is the mesh's own. */
const BACK_MS = 30_000

describe('traffic through sidecars', () => {
  let cluster: Cluster
  const reports = mkdtempSync(join(tmpdir(), 'smi-endurance-'))
  const quiet = { since: 0 }

  before(async () => {
    cluster = await startCluster({ name: NAME, level: 'full' })
    await helm()
    await apply(beforeAnybodyCalls())
    for (const name of ['server', 'quiet-server']) await rolledOut(name)
    await apply(clients(reports))
    for (const name of ['client', 'quiet-client', 'stranger']) await rolledOut(name)
    await until('all clients are answered', async () => {
      const found = reportsIn(reports)
      return found.length === 4 && found.every(one => together([one]).total > 0)
    })
    quiet.since = performance.now()
  })
  after(async () => {
    await cluster?.stop()
    rmSync(reports, { recursive: true })
  })

  const helm = () => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: `${TOOLS}${delimiter}${process.env['PATH']}` }
    const place = ['--namespace', 'smi-mesh', '--create-namespace', '--wait', '--timeout', '120s']
    return run('helm', ['upgrade', '--install', 'smi-mesh', 'helm/smi-mesh', '--values', VALUES, ...place], {
      env,
      cwd: CHECKOUT,
    })
  }
  const apply = (items: readonly RawObject[]) =>
    cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  const inScene = (...words: readonly string[]) => cluster.kubectl(['-n', NAMESPACE, ...words])
  const inMesh = (...words: readonly string[]) => cluster.kubectl(['-n', 'smi-mesh', ...words])
  const rolledOut = (name: string) => inScene('rollout', 'status', `deployment/${name}`, '--timeout=115s')
  const restarted = async (ask: typeof inScene, name: string) => {
    await ask('rollout', 'restart', `deployment/${name}`)
    await ask('rollout', 'status', `deployment/${name}`, '--timeout=115s')
    // A rollout is over when the new pods are ready; the old ones still have to go.
    await until(`the old pods of ${name} are gone`, async () => (await pods(ask)).every(({ leaving }) => !leaving))
  }
  const pods = async (ask: typeof inScene, ...words: readonly string[]) =>
    list(fields(JSON.parse(await ask('get', 'pods', '-o', 'json', ...words)))['items'])
      .map(fields)
      .map(podOf)
  const operators = () => pods(inMesh, '-l', 'app.kubernetes.io/component=operator')
  const admin = (pod: string, path: string) =>
    inScene('exec', pod, '-c', 'smi-mesh-proxy', '--', 'node', '-e', ASK_ADMIN, path)
  /** Without those that are leaving: of these, any question may be the last one. */
  const podsOf = async (name: string) => (await pods(inScene, '-l', `app=${name}`)).filter(({ leaving }) => !leaving)
  const isJudged = async (split: string) =>
    isObserved(fields(JSON.parse(await inScene('get', 'trafficsplit', split, '-o=json'))))
  const isServed = (name: string) =>
    reportsIn(reports).some(one => one.pod.startsWith(`${name}-`) && together([one]).total > 0)

  /** Does something to the cluster, lets traffic go on for a moment, and judges all of it. */
  const unharmed = async (t: TestContext, work: () => Promise<void>) => {
    const earlier = together(reportsIn(reports))
    const began = performance.now()
    await work()
    const worked = performance.now() - began
    await pause(SETTLE_MS)
    const now = together(reportsIn(reports))
    const took = (performance.now() - began) / 1000
    const counted = Object.entries(now.answered).map(
      ([kind, count]) => `${kind} ${count - (earlier.answered[kind] ?? 0)}`,
    )
    const rate = (now.total - earlier.total) / took
    t.diagnostic(
      `${seconds(worked)}; answered: ${counted.join(', ')} (${Math.round(rate)} a second); ` +
        `streams moved: ${now.moved - earlier.moved}; failed: ${now.failed - earlier.failed}`,
    )
    assert.deepEqual(
      now.failures.filter(one => !earlier.failures.includes(one)),
      [],
    )
    assert.equal(now.failed - earlier.failed, 0)
    assert.ok(now.total > earlier.total)
    const alive = new Set((await pods(inScene)).map(({ name }) => name))
    const unfinished = reportsIn(reports).filter(({ pod, ended }) => !ended && !alive.has(pod))
    assert.deepEqual(unfinished, [], 'clients ended with something left undone')
  }

  test('phrase 1: "Deploy while I hammer with 200 rps POST: zero non-2xx"', t =>
    unharmed(t, () => restarted(inScene, 'server')))

  test('a rolling restart of the client fails no request', t => unharmed(t, () => restarted(inScene, 'client')))

  test('a rolling restart of the operator fails no request', t => unharmed(t, () => restarted(inMesh, 'smi-mesh')))

  test('phrase 9: "WebSocket upgrade works"', async () => {
    const [client] = await podsOf('client')
    const said = await inScene('exec', client?.name ?? '', '-c', 'app', '--', 'node', '-e', UPGRADE)
    assert.equal(said.trim(), '101 hello')
  })

  test('phrase 10: "tcpSocket probe really fails when the app is dead"', async t => {
    await apply([MORTAL])
    await inScene('wait', '--for=condition=Ready', 'pod/mortal', '--timeout=60s')
    const [alive] = await podsOf('mortal')
    assert.ok(alive?.containers.includes('smi-mesh-proxy'))
    // The process goes on, and listens no more.
    await inScene('exec', 'mortal', '-c', 'app', '--', 'kill', '-USR2', '1')
    const died = performance.now()
    await until('it is not ready', async () => (await podsOf('mortal'))[0]?.ready === false)
    t.diagnostic(`not ready ${seconds(performance.now() - died)} after`)
    await until('it is started again', async () => {
      const [pod] = await podsOf('mortal')
      return pod?.ready === true && pod.restarts === 1
    })
  })

  test('the operator deleted and made again: nothing is lost, and pods created meanwhile are not unguarded', t =>
    unharmed(t, async () => {
      const [client] = await podsOf('client')
      const configuration = () => admin(client?.name ?? '', '/config_dump').then(versionsIn)
      const earlier = await configuration()
      await inMesh('delete', 'deployment', 'smi-mesh', '--cascade=foreground')
      await until('all its pods are gone', async () => (await operators()).length === 0)
      await apply([lateClient('late', reports)])
      await pause(OUTAGE_MS)
      const meanwhile = await podsOf('late')
      assert.deepEqual(
        meanwhile.filter(({ containers }) => !containers.includes('smi-mesh-proxy')),
        [],
      )
      await helm()
      const back = performance.now()
      await until('the late client is served', async () => isServed('late'))
      const took = performance.now() - back
      t.diagnostic(
        `after ${seconds(OUTAGE_MS)}: the late client was served ${seconds(took)} after the operator was back`,
      )
      assert.ok(took < BACK_MS, `${took} ms`)
      assert.deepEqual(await configuration(), earlier)
    }))

  test('an API server that is gone for a while: nothing is lost, and who was created afterwards is served', t =>
    unharmed(t, async () => {
      killApiServer(NAME)
      await pause(OUTAGE_MS)
      await startApiServer(NAME)
      const back = performance.now()
      const sinceBack = async (what: string, holds: () => Promise<boolean>) => {
        await until(what, holds)
        return performance.now() - back
      }
      await apply([splitOfNobody('after-the-outage'), lateClient('later', reports)])
      // Controllers, scheduler and kubelet come back in their own time: each pauses for up to half a minute between attempts.
      const [judged, begun] = await Promise.all([
        sinceBack('the operator judges a new split', () => isJudged('after-the-outage')),
        sinceBack('the late pod is begun', async () => (await podsOf('later'))[0]?.begun === true),
      ])
      const served = await sinceBack('the late client is served', async () => isServed('later'))
      t.diagnostic(
        `after ${seconds(OUTAGE_MS)}: the operator judged a new split ${seconds(judged)} after the API server was back; ` +
          `the kubelet began the late pod after ${seconds(begun)}, which was served ${seconds(served - begun)} later`,
      )
      assert.ok(judged < BACK_MS, `${judged} ms`)
      assert.ok(served - begun < BACK_MS, `${served - begun} ms`)
      const said = '{range .items[*]}{.involvedObject.name}: {.message}{"\\n"}{end}'
      const events = await inScene('get', 'events', '--field-selector=reason=FailedCreate', `-o=jsonpath=${said}`)
      const refused = events.split('\n').filter(line => line.startsWith('later-'))
      assert.deepEqual(refused, [], 'whoever asked for pods was not held up by our webhook')
    }))

  test('a killed leader fails no request, and soon there is one again', t =>
    unharmed(t, async () => {
      await inMesh('scale', 'deployment/smi-mesh', '--replicas=2')
      await inMesh('rollout', 'status', 'deployment/smi-mesh', '--timeout=115s')
      const lease = () => inMesh('get', 'lease', 'smi-mesh', '-o=jsonpath={.spec.holderIdentity}')
      const holder = await lease()
      const leader = (await operators()).find(({ name }) => name === holder)
      assert.ok(leader)
      await killContainer(NAME, leader.container)
      const killed = performance.now()
      // Whoever leads writes statuses: another pod, or this one once it has been started again.
      await apply([splitOfNobody('after-the-kill')])
      await until('somebody leads', () => isJudged('after-the-kill'))
      const took = performance.now() - killed
      t.diagnostic(`somebody led ${seconds(took)} after, ${holder} before and ${await lease()} now`)
      assert.ok(took < BACK_MS, `${took} ms`)
      await inMesh('scale', 'deployment/smi-mesh', '--replicas=1')
      await until('one operator is left', async () => (await operators()).length === 1)
    }))

  test('phrase 4: "kubectl delete pod of the only control-plane pod during a rollout: nothing fails"', t =>
    unharmed(t, async () => {
      const [only, ...others] = await operators()
      assert.deepEqual(others, [])
      await inScene('rollout', 'restart', 'deployment/server')
      await inMesh('delete', 'pod', only?.name ?? '', '--wait=false')
      await until('the only pod is gone', async () => (await operators()).every(({ name }) => name !== only?.name))
      await inMesh('rollout', 'status', 'deployment/smi-mesh', '--timeout=115s')
      const back = performance.now()
      await rolledOut('server')
      const took = performance.now() - back
      t.diagnostic(`the rollout was over ${seconds(took)} after the control plane was back`)
      assert.ok(took < BACK_MS, `${took} ms`)
    }))

  test('phrase 8: "gRPC stream lives 24 h": no timer ends it, and none has', async t => {
    for (const name of ['client', 'server', 'quiet-client', 'quiet-server']) {
      const [pod] = await podsOf(name)
      assert.deepEqual(timersThatEndStreams(JSON.parse(await admin(pod?.name ?? '', '/config_dump'))), [], name)
    }
    const [silent] = reportsIn(reports).filter(({ pod }) => pod.startsWith('quiet-client-'))
    assert.ok(silent)
    t.diagnostic(`silent for ${seconds(performance.now() - quiet.since)}`)
    assert.deepEqual(silent.failures, [])
    // Each said one word when it began; told to end, it says another, and has to hear it back.
    await inScene('scale', 'deployment/quiet-client', '--replicas=0')
    const last = () => reportsIn(reports).find(({ pod }) => pod === silent.pod)
    await until('the silent client has ended', async () => last()?.ended === true)
    assert.deepEqual(last()?.answered, { post: 0, grpc: 0, stream: 2, socket: 2 })
    assert.deepEqual(last()?.failures, [])
  })
})

/** Traffic goes on for so long after a change, so that what it harms later is seen as well. */
const SETTLE_MS = 2_000

/** Asks a proxy's admin side from inside its container: it has a socket, and nobody else may use that. */
const ASK_ADMIN =
  "require('http').get({socketPath:'/run/smi-mesh/admin.sock',path:process.argv[1]},answer=>answer.pipe(process.stdout))"

const UPGRADE = `
const socket = new WebSocket('ws://api:8080/talk')
socket.onopen = () => socket.send('hello')
socket.onmessage = ({ data }) => { console.log(101, data); socket.close(1000) }
socket.onclose = ({ wasClean }) => process.exit(wasClean ? 0 : 1)
`

const LISTEN = `
const server = require('net').createServer(socket => socket.on('error', () => {})).listen(9000)
process.on('SIGUSR2', () => server.close())
setInterval(() => {}, 1000)
process.on('SIGTERM', () => process.exit(0))
`

const PROBE = { tcpSocket: { port: 9000 }, periodSeconds: 1 }
const MORTAL: RawObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'mortal', namespace: NAMESPACE, labels: { app: 'mortal' } },
  spec: {
    containers: [
      {
        ...{ name: 'app', image: 'localhost/smi-mesh-test/echo:1', command: ['node', '-e', LISTEN] },
        readinessProbe: PROBE,
        livenessProbe: { ...PROBE, failureThreshold: 5 },
      },
    ],
  },
}

interface Pod {
  readonly name: string
  readonly leaving: boolean
  /** It has its place on a node, and a network there. */
  readonly begun: boolean
  readonly ready: boolean
  readonly containers: readonly string[]
  /** The id of its first container that is no sidecar. */
  readonly container: string
  readonly restarts: number
}

function podOf(pod: RawObject): Pod {
  const { metadata, spec, status } = pod
  const conditions = list(fields(status)['conditions']).map(fields)
  const holds = (condition: string) => conditions.some(({ type, status: is }) => type === condition && is === 'True')
  const containers = [...list(fields(spec)['initContainers']), ...list(fields(spec)['containers'])]
  const [first] = list(fields(status)['containerStatuses']).map(fields)
  return {
    name: text(fields(metadata)['name']),
    leaving: fields(metadata)['deletionTimestamp'] !== undefined,
    begun: holds('PodReadyToStartContainers'),
    ready: holds('Ready'),
    containers: containers.map(one => text(fields(one)['name'])),
    container: text(first?.['containerID']),
    restarts: Number(first?.['restartCount'] ?? 0),
  }
}

/** Of every cluster, listener and route configuration that a proxy was told: `name version`. */
function versionsIn(dump: string): readonly string[] {
  const found: string[] = []
  const look = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const one of value) look(one, name)
    else if (typeof value === 'object' && value !== null) {
      const own = fields(value)
      const called = text(own['name']) || text(fields(own['cluster'] ?? own['route_config'])['name']) || name
      if (own['version_info'] !== undefined) found.push(`${called} ${text(own['version_info'])}`)
      else for (const inner of Object.values(own)) look(inner, called)
    }
  }
  for (const config of list(fields(JSON.parse(dump))['configs'])) {
    for (const [name, value] of Object.entries(fields(config)))
      if (/^dynamic_(?!active_secrets)/.test(name)) look(value, name)
  }
  return found.sort()
}

function until(what: string, holds: () => Promise<boolean | string>): Promise<void> {
  return untilIn(what, holds, DEADLINE_MS)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
