/** What a replica knows of a cluster, against a real API server behind a connection that breaks all the time. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { refText } from '@smi-mesh/dataplane/mesh'
import {
  connect,
  KubernetesClient,
  kubeconfigOf,
  RESOURCES,
  type Resource,
  smiResource,
} from '@smi-mesh/operator/kubernetes'
import {
  type Followed,
  KubernetesSource,
  type ReflectorEvent,
  type SourceObserver,
  smiKind,
} from '@smi-mesh/operator/sources'
import { KINDS } from '@smi-mesh/smi-crds'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { unreliableRelay } from './harness/unreliable-relay.ts'

const CRDS = resolve(import.meta.dirname, '../../smi-crds/crds')
const SEED = Number(process.env['SEED'] ?? 1)
const CHURN_MS = Number(process.env['CHURN_MS'] ?? 20_000)
/** Connections that were cut or stalled, before what was told is worth looking at. */
const HARM = 20
/** Where nothing else happens, an audit waits for a bookmark: each minute, or two seconds before a watch is over. */
const AT_REST_MS = 150_000
/** Watches last from once to twice `watchMs`; one that is cut for its silence before its bookmark would never bring any. */
const TIMING = {
  ...{ pageSize: 7, retryFirstMs: 20, retryMostMs: 500, auditMs: 2_000 },
  watchMs: 5_000,
  silenceMs: 10_000,
}

const [SPLIT] = KINDS
const SPLITS = smiResource(SPLIT, SPLIT.hub)

describe('at rest, what was told is what there is', () => {
  let cluster: Cluster
  let direct: KubernetesClient

  before(async () => {
    cluster = await startCluster({ name: 'test-reflector', level: 'api' })
    await cluster.kubectl(['apply', '--server-side', '-f', CRDS])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS])
    direct = new KubernetesClient(connect(kubeconfigOf({ kind: 'file', path: cluster.kubeconfig })))
  })
  after(async () => {
    direct?.close()
    await cluster?.stop()
  })

  test(`whatever breaks in between (seed ${SEED})`, async () => {
    const random = seeded(SEED)
    const { server, text } = readKubeconfig(cluster.kubeconfig)
    const relay = await unreliableRelay(
      { host: server.hostname, port: Number(server.port) },
      { cut: 0.04, stall: 0.004 },
      random,
    )
    const folder = mkdtempSync(join(tmpdir(), 'reflector-'))
    const path = join(folder, 'kubeconfig')
    writeFileSync(path, text.replace(server.host, `127.0.0.1:${relay.port}`), { mode: 0o600 })
    const client = new KubernetesClient(connect(kubeconfigOf({ kind: 'file', path })))
    const told = new Map<string, string>()
    const events: { readonly name: string; readonly event: ReflectorEvent }[] = []
    const source = new KubernetesSource({
      client,
      followed: [followedConfigMaps, smiKind(client, SPLIT)],
      random,
      now: () => performance.now(),
      timing: TIMING,
      onEvent: (name, event) => events.push({ name, event }),
    })
    try {
      await source.start(recorder(told))
      const began = performance.now()
      // A busy machine writes less in the same time, and then less is harmed.
      const isEnough = () => {
        const ms = performance.now() - began
        return ms > CHURN_MS && (relay.harm > HARM || ms > 6 * CHURN_MS)
      }
      const writes = await churn(direct, random, isEnough)
      relay.heal()
      await until(async () => JSON.stringify(sorted(told)) === JSON.stringify(await listed(direct)), 60_000)
      const count = (kind: ReflectorEvent['kind']) => events.filter(({ event }) => event.kind === kind).length
      const audits = () => events.flatMap(({ event }) => (event.kind === 'audited' ? [event.differences] : []))
      const before = audits().length
      await until(async () => audits().length > before + 1, AT_REST_MS)
      console.log(
        `${writes} writes, ${relay.harm} connections harmed, ${count('listed')} lists, ${count('broken')} breaks, ${audits().length} audits`,
      )
      assert.deepEqual(
        audits().filter(differences => differences > 0),
        [],
      )
      assert.ok(relay.harm > HARM, 'connections were harmed at all')
    } finally {
      await source.stop()
      client.close()
      await relay.stop()
      rmSync(folder, { recursive: true })
    }
  })
})

const followedConfigMaps: Followed = { name: 'configmaps', find: async () => RESOURCES.configMaps }

function recorder(told: Map<string, string>): SourceObserver {
  return {
    changes: batch => {
      for (const { ref, object } of batch) {
        if (object === undefined) told.delete(refText(ref))
        else told.set(refText(ref), versionOf(object))
      }
    },
    moved: () => {},
    problems: () => {},
    synced: () => {},
  }
}

/** Objects come, change and go, as fast as the server takes it. */
async function churn(client: KubernetesClient, random: () => number, isEnough: () => boolean): Promise<number> {
  const there = new Set<string>()
  let writes = 0
  while (!isEnough()) {
    const name = `churn-${Math.floor(random() * 40)}`
    const isSplit = random() < 0.3
    const resource = isSplit ? SPLITS : RESOURCES.configMaps
    const key = `${resource.plural}/${name}`
    if (there.has(key) && random() < 0.3) {
      await client.remove(resource, { namespace: 'default', name })
      there.delete(key)
    } else {
      const body = isSplit
        ? { spec: { service: 'web', backends: [{ service: 'web-v1', weight: writes }] } }
        : { data: { text: `größe ${writes} ${'x'.repeat(Math.floor(random() * 3_000))}` } }
      await client.apply(
        resource,
        { metadata: { name, namespace: 'default' }, ...body },
        { fieldManager: 'churn', force: true },
      )
      there.add(key)
    }
    writes++
  }
  return writes
}

async function listed(client: KubernetesClient): Promise<readonly (readonly [string, string])[]> {
  const found = new Map<string, string>()
  const resources: readonly Resource[] = [RESOURCES.configMaps, SPLITS]
  for (const resource of resources) {
    for await (const { items } of client.list(resource)) {
      for (const item of items) {
        const { namespace, name } = metadataOf(item)
        found.set(refText({ kind: resource.kind, namespace, name }), versionOf(item))
      }
    }
  }
  return sorted(found)
}

function metadataOf(object: unknown): {
  readonly namespace: string
  readonly name: string
  readonly resourceVersion: string
} {
  return JSON.parse(JSON.stringify(object)).metadata
}

function versionOf(object: unknown): string {
  return metadataOf(object).resourceVersion
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function readKubeconfig(path: string): { readonly server: URL; readonly text: string } {
  const text = readFileSync(path, 'utf8')
  const [, server = ''] = /server: "?(https:\/\/[^",}\s]+)/.exec(text) ?? []
  return { server: new URL(server), text }
}

async function until(holds: () => Promise<boolean>, deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not within ${deadlineMs} ms`)
    await pause(100)
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
