/**
 * `smictl can` and `smictl explain` against real proxies: whether a call is let in, by which backend and by which rule, and which
 * configuration comes from which object. Both are asked as a shell asks them, with the world in a file.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { DEFAULT_MESH_CONFIG, parseServiceKey, parseServicePortKey, refText } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import { type Answer, answerTo, requestOf } from '../../operator/src/cli/can.ts'
import { explain } from '../../operator/src/cli/explain.ts'
import { readFiles } from '../../operator/src/sources/index.ts'
import { CLUSTER_PLAN, expandAsReady } from '../../operator/src/standalone/expand.ts'
import { type Translation, translate } from '../../operator/src/translate.ts'
import { ran } from '../../operator/test/documentation.ts'
import { type EnvoyDriver, startEnvoyDriver } from './drivers/envoy.ts'
import { headersByName } from './drivers/headers-by-name.ts'
import { caseText } from './golden-case.ts'
import { envoyBinary } from './harness/envoy.ts'
import { until } from './harness/until.ts'
import { requests } from './requests.ts'
import {
  DEFAULT_WORLD_CONFIG,
  type Name,
  nameText,
  type Outcome,
  type Request,
  type World,
  type WorldConfig,
} from './world.ts'
import { CAST } from './worlds/cast.ts'
import { worlds } from './worlds.ts'

const binary = envoyBinary(process.env['ENVOY'], process.env['PATH'] ?? '')
const skip = binary === undefined ? 'There is no Envoy on this machine: run `make setup`, or set ENVOY.' : false
const MESHED = CAST.filter(({ meshed }) => meshed)
const REQUESTS = 25
/** What is drained holds on to its routes for a second. */
const HELD_MS = 15_000

describe('phrase 14: "`explain` agrees with Envoy 100 % on a random corpus"', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-explain-'))
  after(() => rmSync(folder, { recursive: true }))

  /** A world as `smictl` reads it. */
  const read = (world: World): Told => {
    const file = join(folder, 'world.yaml')
    writeFileSync(file, caseText(world).replace(/^kind: MeshConfig[\s\S]*?---\n/, ''))
    const { objects } = readFiles([file])
    const config = { ...DEFAULT_MESH_CONFIG, ...world.config }
    const translation = translate(expandAsReady(objects, CLUSTER_PLAN), config)
    return { file, translation, origins: new Map(objects.map(({ ref, origin }) => [refText(ref), origin])) }
  }

  const eachWorld = async (config: WorldConfig, count: number, seed: number, look: (stage: Stage) => Promise<void>) => {
    assert.ok(binary)
    const driver = await startEnvoyDriver(binary, config, { accessLog: 'all' })
    try {
      for (let at = seed; at < seed + count; at++) {
        const [world] = fc.sample(fc.noBias(worlds(config)), { seed: Math.imul(at, 0x9e3779b1), numRuns: 1 })
        assert.ok(world)
        await driver.enter(world)
        await look({ driver, world, seed: at, ...read(driver.placed(world)) })
      }
    } finally {
      await driver.stop()
    }
  }

  test('whether a call is let in, and by whom it is answered', async t => {
    const count = { yes: 0, no: 0, some: 0 }
    await eachWorld(DEFAULT_WORLD_CONFIG, 25, 1, async ({ driver, world, file, translation, seed }) => {
      for (const [at, request] of requestsOf(world, seed).entries()) {
        const answer = answered(translation, request)
        if (at < 2) await samePrinted(file, request, answer)
        const outcome = await driver.ask(request)
        assert.ok(agrees(answer, outcome), differenceText(world, request, answer, outcome))
        count[answer.allowed]++
      }
    })
    assert.ok(count.yes > 100 && count.no > 100, JSON.stringify(count))
    t.diagnostic(`${count.yes + count.no + count.some} requests, of which ${count.yes} let in; all as Envoy did`)
  })

  test('which rule let a call in, and that none did', async t => {
    const count = { rule: 0, none: 0 }
    const logs = new Map<string, number>()
    await eachWorld(
      { ...DEFAULT_WORLD_CONFIG, access: 'audit' },
      30,
      500,
      async ({ driver, world, translation, seed }) => {
        const served: Served[] = []
        for (const request of requestsOf(world, seed)) {
          const outcome = await driver.ask(request)
          if (outcome.startsWith('pod ')) served.push({ request, pod: outcome.slice(4) })
        }
        for (const { pod } of MESHED) {
          const here = served.filter(one => one.pod === nameText(pod))
          const lines = await linesOf(driver, pod, logs, here.length)
          for (const [at, { request }] of here.entries()) {
            const { audit, audit_rule: rule } = lines[at] ?? assert.fail()
            if (audit === undefined) continue // a namespace that asks nobody, or refuses instead
            const seen = audit === 'allowed' ? rule : 'none'
            const answer = answered(translation, request)
            assert.equal(ruleAt(answer, nameText(pod)), seen, differenceText(world, request, answer, `${seen}`))
            count[seen === 'none' ? 'none' : 'rule']++
          }
        }
      },
    )
    assert.ok(count.rule > 25 && count.none > 50, JSON.stringify(count))
    t.diagnostic(`${count.rule} requests by a rule, ${count.none} by none; all as Envoy names it in its log`)
  })

  test('which configuration each proxy holds, and which objects it comes from', async t => {
    const count = { resources: 0, rules: 0 }
    await eachWorld(DEFAULT_WORLD_CONFIG, 12, 1_000, async ({ driver, world, translation, origins }) => {
      for (const { pod } of MESHED) {
        await until(
          `${nameText(pod)} holds what smictl says`,
          async () => {
            const held = (await heldBy(driver, pod)).resources
            const told = toldBy(translation, origins, nameText(pod), [...held].map(nameIn))
            const differing = [...held.symmetricDifference(told)]
            return differing.length === 0 || `${differing}\n${caseText(world)}`
          },
          HELD_MS,
        )
        const { resources, rules } = await heldBy(driver, pod)
        for (const rule of rules) {
          const { objects, resources } = explain(translation, origins, rule)
          assert.ok(objects.every(({ origin }) => origin !== '') && objects.length > 0, `${rule}\n${caseText(world)}`)
          assert.ok(
            resources.some(({ workloads }) => workloads.includes(nameText(pod))),
            `${rule}\n${caseText(world)}`,
          )
        }
        count.resources += resources.size
        count.rules += rules.size
      }
    })
    assert.ok(count.resources > 500 && count.rules > 20, JSON.stringify(count))
    t.diagnostic(`${count.resources} resources and ${count.rules} rules in proxies, all of them explained`)
  })
})

/** What `smictl` has of a world. */
interface Told {
  readonly file: string
  readonly translation: Translation
  readonly origins: ReadonlyMap<string, string>
}

interface Stage extends Told {
  readonly driver: EnvoyDriver
  readonly world: World
  readonly seed: number
}

/** Of pods, to Services: nobody without a proxy finds a Service on loopback. */
function requestsOf(world: World, seed: number): readonly Request[] {
  return fc
    .sample(fc.noBias(requests(world)), { seed: Math.imul(seed, 0x9e3779b1), numRuns: REQUESTS })
    .filter(({ target, caller }) => target.kind === 'service' && caller.kind === 'pod')
}

/** The words after `smictl can`. */
function wordsOf({ caller, target, call }: Request): { caller: string; words: readonly string[]; header: Headers } {
  const member = CAST.find(({ pod }) => caller.kind === 'pod' && nameText(pod) === nameText(caller.pod))
  assert.ok(member && target.kind === 'service')
  const at = `${target.service.name}.${target.service.namespace}:${target.port}`
  const words = call.kind === 'tcp' ? [at] : [call.method, call.path, at]
  return {
    caller: `sa/${member.pod.namespace}/${member.account}`,
    words,
    header: call.kind === 'tcp' ? {} : headersByName(call),
  }
}

type Headers = Readonly<Record<string, readonly string[]>>

function answered({ mesh }: Translation, request: Request): Answer {
  const { caller, words, header } = wordsOf(request)
  return answerTo(mesh, requestOf(mesh, caller, words, { namespace: 'red', header }))
}

/** The command prints what its function answers. */
async function samePrinted(file: string, request: Request, { allowed, because }: Answer): Promise<void> {
  const { caller, words, header } = wordsOf(request)
  const flags = Object.entries(header).flatMap(([name, values]) => values.flatMap(value => ['-H', `${name}:${value}`]))
  const { printed } = await ran(['can', '-f', file, '-n', 'red', ...flags, caller, ...words])
  assert.equal(printed.split('\n')[0], `${allowed}: ${because}`)
}

function agrees({ allowed, decision }: Answer, outcome: Outcome): boolean {
  if (!outcome.startsWith('pod ')) return allowed !== 'yes' && !outcome.startsWith('unexpected')
  if (allowed === 'no' || decision.kind !== 'routed') return false
  const namespaces = decision.backends.map(
    ({ backend }) => parseServiceKey(parseServicePortKey(backend).service).namespace,
  )
  return namespaces.includes(outcome.slice(4).split('/')[0] ?? '')
}

/** The rule that `can` names for a pod that answers, or `none`. */
function ruleAt({ decision }: Answer, pod: string): string {
  const servers = decision.kind === 'routed' ? decision.backends.flatMap(backend => backend.servers) : []
  const verdict = servers.find(({ workload }) => workload === pod)?.verdict
  return verdict?.kind === 'rule' ? verdict.rule : 'none'
}

/** A request and who answered it. */
interface Served {
  readonly request: Request
  readonly pod: string
}

/** A line of a proxy's log, as far as it is looked at. */
interface Line {
  readonly direction?: string
  readonly status?: number
  readonly bytes_sent?: number
  readonly audit?: string
  readonly audit_rule?: string
}

/** What a proxy has logged of what its application answered since it was last asked, which is `count` lines. */
async function linesOf(
  driver: EnvoyDriver,
  pod: Name,
  before: Map<string, number>,
  count: number,
): Promise<readonly Line[]> {
  const known = before.get(nameText(pod)) ?? 0
  let fresh: readonly Line[] = []
  await until(`${nameText(pod)} has logged ${count} requests`, async () => {
    const lines = (await driver.logs(pod)).split('\n').filter(line => line.startsWith('{') && line.endsWith('}'))
    const all: readonly Line[] = lines.map(line => JSON.parse(line))
    fresh = all.filter(isAnswered).slice(known)
    return fresh.length >= count || `${fresh.length}`
  })
  assert.equal(fresh.length, count, JSON.stringify(fresh, null, 1))
  before.set(nameText(pod), known + count)
  return fresh
}

function isAnswered({ direction, status, bytes_sent: sent = 0 }: Line): boolean {
  return direction === 'inbound' && (status === undefined ? sent > 0 : status === 200)
}

interface Held {
  /** `Cluster shop/web:80`. */
  readonly resources: ReadonlySet<string>
  readonly rules: ReadonlySet<string>
}

/** What a proxy has been told, by its own account, but for secrets. */
async function heldBy(driver: EnvoyDriver, pod: Name): Promise<Held> {
  const text = await driver.admin(pod, '/config_dump?include_eds')
  const { configs }: { configs: readonly Dump[] } = JSON.parse(text)
  const clusters = configs.flatMap(dump => dump.dynamic_active_clusters ?? []).map(({ cluster }) => cluster)
  const whole = new Set(clusters.filter(cluster => cluster.load_assignment !== undefined).map(({ name }) => name))
  const resources = configs.flatMap(dump => [
    ...(dump.dynamic_listeners ?? []).map(({ name }) => `Listener ${name}`),
    ...(dump.dynamic_route_configs ?? []).map(({ route_config: routes }) => `RouteConfiguration ${routes.name}`),
    ...(dump.dynamic_endpoint_configs ?? [])
      .map(({ endpoint_config: endpoints }) => endpoints.cluster_name)
      .filter(name => !whole.has(name))
      .map(name => `ClusterLoadAssignment ${name}`),
  ])
  const rules = text.matchAll(/"(traffictarget\/[^"]+)"/g)
  return {
    resources: new Set([...clusters.map(({ name }) => `Cluster ${name}`), ...resources]),
    rules: new Set([...rules].map(([, rule = '']) => rule)),
  }
}

/** `shop/web:80` of `Cluster shop/web:80`. */
function nameIn(text: string): string {
  return text.slice(text.indexOf(' ') + 1)
}

/** Of all that bears one of these names, or that anybody is given: what `smictl explain` says is given to a workload. */
function toldBy(
  translation: Translation,
  origins: Told['origins'],
  workload: string,
  names: readonly string[],
): ReadonlySet<string> {
  const given = [...translation.mesh.workloads.keys()].flatMap(translation.resources).map(({ name }) => name)
  const explained = [...new Set([...names, ...given])].flatMap(name => explain(translation, origins, name).resources)
  const here = explained.filter(({ workloads }) => workloads.includes(workload))
  return new Set(here.map(({ type, name }) => `${type} ${name}`))
}

interface DumpedCluster {
  readonly name: string
  /** Endpoints that are part of it, and no resource of their own. */
  readonly load_assignment?: unknown
}

interface Dump {
  readonly dynamic_listeners?: readonly { readonly name: string }[]
  readonly dynamic_active_clusters?: readonly { readonly cluster: DumpedCluster }[]
  readonly dynamic_route_configs?: readonly { readonly route_config: { readonly name: string } }[]
  readonly dynamic_endpoint_configs?: readonly { readonly endpoint_config: { readonly cluster_name: string } }[]
}

function differenceText(world: World, request: Request, { allowed, because }: Answer, seen: string): string {
  return `smictl says ${allowed}: ${because}\nEnvoy says ${seen}\n${caseText(world, request)}`
}
