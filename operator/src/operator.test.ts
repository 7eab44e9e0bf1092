import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, KubernetesClient } from './kubernetes/index.ts'
import { json, kubeConfigFor, scriptedServer } from './kubernetes/testdata/scripted-server.ts'
import { meshError } from './mesh-error.ts'
import { MeshOperator, type MeshOperatorOptions } from './operator.ts'
import type { Followed } from './sources/index.ts'
import { createLog } from './telemetry/index.ts'

const log = createLog({ level: 'error', now: () => 0, write: () => {} })
const SPLIT = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' }

function operatorOf(url: string, more: Partial<MeshOperatorOptions> = {}): MeshOperator {
  const kubeconfig = kubeConfigFor(url)
  const client = new KubernetesClient(connect(kubeconfig))
  const run = async () => ({ stop: async () => {} })
  return new MeshOperator({ kubeconfig, client, log, run, seen: () => {}, ...more })
}

test('every kind of SMI is followed, and each change of an object is seen, its end too', async () => {
  const kinds: Followed[] = []
  const seen: unknown[] = []
  const operator = operatorOf('http://127.0.0.1:1', {
    run: async given => {
      kinds.push(...given)
      return { stop: async () => {} }
    },
    seen: (ref, object) => seen.push([ref, object]),
  })
  await operator.start()
  assert.deepEqual(kinds.map(({ name }) => name).sort(), [
    'httproutegroups.specs.smi-spec.io',
    'identitybindings.access.smi-spec.io',
    'tcproutes.specs.smi-spec.io',
    'trafficsplits.split.smi-spec.io',
    'traffictargets.access.smi-spec.io',
    'udproutes.specs.smi-spec.io',
  ])
  const splits = kinds.find(({ name }) => name.startsWith('trafficsplits'))
  const object = { apiVersion: 'split.smi-spec.io/v1alpha4', kind: 'TrafficSplit', metadata: { name: 'canary' } }
  splits?.tap?.([
    { ref: SPLIT, object, origin: '' },
    { ref: SPLIT, object: undefined, origin: '' },
  ])
  assert.deepEqual(seen, [
    [SPLIT, object],
    [SPLIT, undefined],
  ])
})

test('a status is applied to the object it was made for, in its version, and to nothing but the status', async () => {
  await using server = await scriptedServer((_asked, response) =>
    json(response, 200, { metadata: { resourceVersion: '8' } }),
  )
  const update = { ref: SPLIT, apiVersion: 'split.smi-spec.io/v1alpha2', uid: 'u-1', conditions: [] }
  await operatorOf(server.url).writeStatus(update, new AbortController().signal)
  const [asked] = server.asked
  assert.equal(
    `${asked?.method} ${asked?.path}?${asked?.query}`,
    'PATCH /apis/split.smi-spec.io/v1alpha2/namespaces/shop/trafficsplits/canary/status?fieldManager=smi-mesh&force=true',
  )
  assert.deepEqual(JSON.parse(asked?.body ?? ''), {
    apiVersion: 'split.smi-spec.io/v1alpha2',
    kind: 'TrafficSplit',
    metadata: { name: 'canary', namespace: 'shop', uid: 'u-1' },
    status: { conditions: [] },
  })
})

test('of what is no kind of SMI, no status is written', async () => {
  const update = { ref: { ...SPLIT, kind: 'Pod' }, apiVersion: 'v1', uid: '', conditions: [] }
  const failed = await operatorOf('http://127.0.0.1:1')
    .writeStatus(update, new AbortController().signal)
    .catch((error: unknown) => error)
  assert.ok(meshError(failed, 'ApiRefused'))
})

test('to stop is to stop: what runs is told, and the process goes on', async () => {
  let stops = 0
  const signals: AbortSignal[] = []
  const operator = operatorOf('http://127.0.0.1:1', {
    run: async (_kinds, signal) => {
      signals.push(signal)
      return {
        stop: async () => {
          stops++
        },
      }
    },
  })
  await operator.start()
  await operator.stopped()
  assert.deepEqual([stops, signals[0]?.aborted], [1, true])
})
