import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ServerCredentials } from '@grpc/grpc-js'
import type { Settled } from '@smi-mesh/dataplane/derive'
import { DEFAULT_MESH_CONFIG } from '@smi-mesh/dataplane/mesh'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts'
import { identify } from './sources/identify.ts'
import type { Source, SourceObserver } from './sources/source.ts'

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { clusterIP: '10.0.0.1', ports: [{ port: 80 }] },
}
const REF = { kind: 'Service', namespace: 'shop', name: 'web' }

/** A source that does as it is told. */
class Told implements Source {
  observer: SourceObserver | undefined
  stops = 0
  readonly #isReadable: boolean

  constructor(isReadable: boolean) {
    this.#isReadable = isReadable
  }

  async start(on: SourceObserver): Promise<void> {
    this.observer = on
    const found = identify(SERVICE)
    assert.equal(found.kind, 'object')
    if (found.kind === 'object') on.changes([{ ref: found.ref, object: found.object, origin: 'shop.yaml:1' }])
    if (this.#isReadable) on.synced()
  }

  async stop(): Promise<void> {
    this.stops++
  }
}

function options(source: Source, more: Partial<ControlPlaneOptions> = {}, address = '127.0.0.1:0') {
  const stopped: string[] = []
  const identities = () => ({ ensure: () => {}, release: () => {}, stop: async () => void stopped.push('identities') })
  const xds = { address, credentials: () => ServerCredentials.createInsecure(), trustPlaintext: true }
  return { stopped, given: { source, config: DEFAULT_MESH_CONFIG, xds, identities, ...more } }
}

test('where its address is taken, all that was started has stopped', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  try {
    const address = other.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const source = new Told(true)
    const { given, stopped } = options(source, {}, `127.0.0.1:${port}`)
    await assert.rejects(startControlPlane(given))
    assert.equal(source.stops, 1)
    assert.deepEqual(stopped, ['identities'])
  } finally {
    other.close()
  }
})

test('told to end while its source cannot be read, it stops that and rejects with the reason', async () => {
  const source = new Told(false)
  const ended = new AbortController()
  const { given, stopped } = options(source, { signal: ended.signal })
  const starting = startControlPlane(given)
  const reason = new Error('enough')
  ended.abort(reason)
  await assert.rejects(starting, reason)
  assert.equal(source.stops, 1)
  assert.deepEqual(stopped, ['identities'])
})

test('an object that moves is found at its new place, and nothing is computed', async t => {
  const source = new Told(true)
  let revisions = 0
  const { given } = options(source, { holdoffMs: 0, events: { settled: () => revisions++ } })
  const plane = await startControlPlane(given)
  t.after(() => plane.stop())
  assert.equal(plane.originOf(REF), 'shop.yaml:1')
  const before = revisions
  source.observer?.moved([{ ref: REF, origin: 'shop.yaml:7' }])
  assert.equal(plane.originOf(REF), 'shop.yaml:7')
  // A revision would be settled in a timer's turn.
  await new Promise(resolve => setTimeout(resolve, 2))
  assert.equal(revisions, before)
  source.observer?.changes([{ ref: REF, object: undefined, origin: 'shop.yaml:7' }])
  assert.equal(plane.originOf(REF), undefined)
})

test('asked what it would say of an object, it publishes nothing and says nothing of it later', async t => {
  const source = new Told(true)
  const published: number[] = []
  const { given } = options(source, { events: { settled: (_settled, { changed }) => published.push(changed) } })
  const plane = await startControlPlane(given)
  t.after(() => plane.stop())
  published.length = 0
  const ref = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }
  const object = {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: { namespace: 'shop', name: 'canary' },
    spec: { service: 'web', backends: [{ service: 'nowhere', weight: 1 }] },
  }
  const reasons = plane.whatIf({ ref, object }).map(({ reason }) => reason)
  assert.ok(reasons.includes('BackendNotFound'), String(reasons))
  source.observer?.changes([])
  plane.whatIf({ ref, object: undefined })
  assert.deepEqual(plane.findings(), [])
  assert.deepEqual(published, [0])
})

test('a namespace has proxies if it has joined, and as long as a pod there has one', async t => {
  const source = new Told(true)
  const config = { ...DEFAULT_MESH_CONFIG, proxied: 'injected' } as const
  const plane = await startControlPlane(options(source, { config }).given)
  t.after(() => plane.stop())
  const namespace = (name: string, labels: object) => {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
    return { ref: { kind: 'Namespace', namespace: '', name }, object, origin: '' }
  }
  const pod = { kind: 'Pod', namespace: 'till', name: 'till-1' }
  const metadata = { ...pod, kind: undefined, annotations: { 'smi-mesh.dev/status': 'injected' } }
  source.observer?.changes([
    namespace('web', { 'smi-mesh.dev/inject': 'enabled' }),
    namespace('till', {}),
    { ref: pod, object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: {} }, origin: '' },
  ])
  assert.deepEqual(plane.proxied(), ['till', 'web'])
  source.observer?.changes([{ ref: pod, object: undefined, origin: '' }])
  assert.deepEqual(plane.proxied(), ['web'])
})

test('a namespace labelled for Open Service Mesh has proxies unless such labels are ignored', async t => {
  const proxied = async (openServiceMeshLabels: 'honour' | 'ignore') => {
    const source = new Told(true)
    const config = { ...DEFAULT_MESH_CONFIG, proxied: 'injected', openServiceMeshLabels } as const
    const plane = await startControlPlane(options(source, { config }).given)
    t.after(() => plane.stop())
    const metadata = { name: 'web', labels: { 'openservicemesh.io/monitored-by': 'osm' } }
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata }
    source.observer?.changes([{ ref: { kind: 'Namespace', namespace: '', name: 'web' }, object, origin: '' }])
    return plane.proxied()
  }
  assert.deepEqual(await proxied('honour'), ['web'])
  assert.deepEqual(await proxied('ignore'), [])
})

test('of what changed, and of what is said anew, a revision says the names; the rest it leaves alone', async () => {
  const source = new Told(true)
  const seen: (readonly string[])[] = []
  const begun: { plane?: Awaited<ReturnType<typeof startControlPlane>> } = {}
  const next = Promise.withResolvers<void>()
  const settled: NonNullable<ControlPlaneOptions['events']>['settled'] = revision => {
    if (begun.plane === undefined) return
    seen.push([...begun.plane.concerned(revision)])
    next.resolve()
  }
  const { given } = options(source, { events: { settled } })
  const plane = await startControlPlane(given)
  begun.plane = plane
  try {
    const ref = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }
    const metadata = { name: 'canary', namespace: 'shop', generation: 3 }
    const spec = { service: 'nowhere', backends: [{ service: 'web', weight: 1 }] }
    const object = { apiVersion: 'split.smi-spec.io/v1alpha4', kind: 'TrafficSplit', metadata, spec }
    source.observer?.changes([{ ref, object, origin: 'split.yaml:1' }])
    await next.promise
    assert.deepEqual(seen[0], ['TrafficSplit shop/canary'])
    const spoken = plane.spoken('TrafficSplit shop/canary')
    assert.equal(spoken?.subject.generation, 3)
    assert.deepEqual(
      spoken?.findings.map(({ reason }) => reason),
      ['ApexNotFound'],
    )
    assert.equal(plane.spoken('TrafficSplit shop/none'), undefined)
  } finally {
    await plane.stop()
  }
})

for (const [what, disturb] of [
  ['a question what would be', (plane: ControlPlane) => void plane.whatIf({ ref: REF, object: SERVICE })],
  ['an object that says the same', (_plane: ControlPlane, on: SourceObserver) => on.changes([told(SERVICE)])],
] as const) {
  test(`${what} does not hold up the change that follows`, async t => {
    const source = new Told(true)
    let now = 0
    let settled = Promise.withResolvers<boolean>()
    const events = { settled: ({ recomputed }: Settled) => settled.resolve(recomputed.size > 0) }
    const { given } = options(source, { holdoffMs: 60_000, now: () => now, events })
    const plane = await startControlPlane(given)
    t.after(() => plane.stop())
    const { observer } = source
    assert.ok(observer)
    now += 120_000
    disturb(plane, observer)
    await new Promise(resolve => setTimeout(resolve, 2))
    settled = Promise.withResolvers()
    observer.changes([told({ ...SERVICE, spec: { ...SERVICE.spec, clusterIP: '10.0.0.2' } })])
    const late = setTimeout(() => settled.reject(new Error('It waits for the holdoff.')), 90)
    assert.equal(await settled.promise, true)
    clearTimeout(late)
  })
}

function told(object: object) {
  return { ref: REF, object, origin: 'shop.yaml:1' }
}
