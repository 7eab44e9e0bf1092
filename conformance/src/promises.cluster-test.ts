/**
 * What users of other meshes asked for and did not get, in their own words, asked of the mesh as its chart installs it. Its
 * certificates live for a minute here. docs/reference/promises.md says where the rest of the fifteen are shown.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { installer, type Ran } from './harness/installer.ts'
import { type Api, installMesh, startApi } from './harness/mesh.ts'
import { until } from './harness/until.ts'
import { marksOf, type Named, withoutSchema } from './promises/give-back.ts'
import { weigh } from './promises/healthy-split.ts'
import { type Look, startLook } from './promises/presented-certificates.ts'
import { type Heard, type SteadyCall, type SteadyCaller, startCaller } from './promises/steady-caller.ts'

const FOLDER = join(import.meta.dirname, 'promises')
const APP = join(import.meta.dirname, '../app')
const CERTIFICATE_MS = 60_000
const TARGETS = '/apis/access.smi-spec.io/v1alpha4/namespaces/neighbours/traffictargets'
const needsNode = process.env['TEST_KUBECONFIG'] === undefined ? false : 'needs the images and the node of this machine'

describe('in a cluster with the mesh', { skip: needsNode }, () => {
  let cluster: Cluster
  let api: Api
  let look: Look
  /** Of pods that are looked at. */
  let addresses: readonly string[] = []
  /** What smictl made of a CronJob for a cluster without native sidecars. */
  let classic: Ran
  const callers: SteadyCaller[] = []

  before(async () => {
    cluster = await startCluster({ name: 'test-promises', level: 'full' })
    await installMesh(cluster, ['mesh.certificateTtl=1m', 'operator.replicas=2'])
    api = await startApi(cluster)
    await applied('neighbours.yaml', 'neighbour-targets.yaml', 'brokers.yaml', 'databases.yaml')
    for (const namespace of ['neighbours', 'kafka']) await cluster.kubectl(['apply', '-f', '-'], scriptsIn(namespace))
    await ready('neighbours')
    await applied('jobs.yaml')
    const inject = ['inject', '--sidecar', 'classic', '-f', join(FOLDER, 'classic-job.yaml')]
    classic = await installer(cluster.kubeconfig).smictl(...inject)
    await cluster.kubectl(['apply', '-f', '-'], classic.said.replace(/^.*never ends.*$/m, ''))
    const { items } = await object('pods', '-n', 'neighbours')
    addresses = items.map(({ status }: { status: { podIP: string } }) => status.podIP)
    look = startLook(cluster, addresses)
  })
  after(async () => {
    await Promise.all(callers.map(caller => caller.stop()))
    await look?.stop()
    await api?.stop()
    await cluster?.stop()
  })

  const applied = async (...files: readonly string[]) => {
    for (const file of files) await cluster.kubectl(['apply', '-f', join(FOLDER, file)])
  }
  const ready = (namespace: string) =>
    cluster.kubectl(['wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=180s'])
  const exec = (pod: string, ...command: readonly string[]) => {
    const [namespace = '', name = ''] = pod.split('/')
    return cluster.kubectl(['exec', '-n', namespace, name, '-c', 'app', '--', ...command])
  }
  const object = async (...words: readonly string[]) =>
    JSON.parse(await cluster.kubectl(['get', ...words, '-o', 'json']))
  /** Calls of `neighbours/caller`, once each has been answered as it should be. */
  const calling = async (...calls: readonly SteadyCall[]) => {
    const caller = startCaller(cluster, 'neighbours/caller', calls)
    callers.push(caller)
    for (const { name } of calls) {
      await until(
        `${name} is answered`,
        async () => isGood(caller.heard(name).at(-1)) || `${caller.heard(name).at(-1)?.outcome}`,
      )
    }
    return caller
  }
  /** Milliseconds from the moment a TrafficTarget is taken away until a call first fails. */
  const refusedAfter = async (target: string, caller: SteadyCaller, call: string) => {
    const asked = Date.now()
    assert.equal((await fetch(`${api.url}${TARGETS}/${target}`, { method: 'DELETE' })).status, 200)
    const failed = () => caller.heard(call).find(one => one.at > asked && !isGood(one))
    await until(`${call} is refused`, async () => failed() !== undefined)
    return (failed()?.at ?? 0) - asked
  }

  test('phrase 7: "MySQL connects at once with no annotation"', async t => {
    await ready('databases')
    await until('the database answers', () => exec('databases/reports', ...SQL, 'select 1').then(() => true, String))
    const took: number[] = []
    for (let asked = 0; asked < 5; asked++) {
      const said = await exec('databases/reports', 'sh', '-c', `{ time ${SQL.join(' ')} 'select 6 * 7'; } 2>&1`)
      const [, answer, seconds] = /^(42)$[\s\S]*real\s+0m ([\d.]+)s/m.exec(said) ?? []
      assert.equal(answer, '42', said)
      took.push(Number(seconds) * 1000)
    }
    assert.ok(Math.max(...took) < 2_000, `${took} ms`)
    await assert.rejects(exec('databases/stranger', ...SQL, 'select 1'), /Lost connection|Can't connect/)
    t.diagnostic(`connected, asked and answered in ${took.join(', ')} ms; nobody else was let in`)
  })

  test('phrase 3: "Init container can reach the DB in the mesh"', async t => {
    await applied('migration.yaml')
    await cluster.kubectl([
      'wait',
      '-n',
      'databases',
      '--for=jsonpath={.status.phase}=Succeeded',
      'pod/migrated',
      '--timeout=120s',
    ])
    const { status } = await object('pod', '-n', 'databases', 'migrated')
    const migrate = status.initContainerStatuses.find(({ name }: { name: string }) => name === 'migrate')
    assert.equal(migrate.restartCount, 0)
    assert.equal(await cluster.kubectl(['logs', '-n', 'databases', 'migrated', '-c', 'app']), '42\n')
    const { startedAt, finishedAt } = migrate.state.terminated
    t.diagnostic(`at its first attempt, in ${secondsBetween(startedAt, finishedAt)} s`)
  })

  test('phrase 6: "Kafka brokers reach each other by pod DNS"', async t => {
    await cluster.kubectl(['rollout', 'status', '-n', 'kafka', 'statefulset/broker', '--timeout=180s'])
    await ready('kafka')
    const ask = (pod: string, host: string, line: string) =>
      exec(`kafka/${pod}`, 'node', '/scripts/broker.ts', 'ask', host, line).then(said => said.trim())
    await until('a broker is found by the Service', () => ask('producer', 'brokers', 'HELLO').then(() => true, String))
    const found = (await ask('producer', 'brokers', 'BROKERS')).split(' ')
    for (const [at, host] of found.entries()) assert.equal(await ask('producer', host, `PRODUCE ${at}`), 'OK', host)
    const whole = `${found[2]}.kafka.svc.cluster.local`
    for (const host of [...found, whole]) assert.equal(await ask('producer', host, 'FETCH'), '["0","1","2"]', host)
    for (const host of found) await assert.rejects(ask('stranger', host, 'FETCH'), /closed the connection|ECONNRESET/)
    t.diagnostic(
      `${found.length} brokers, each reached by name from each; what one took all had; nobody else was let in`,
    )
  })

  test('phrase 5: "A Service selecting the same pods as two others keeps working"', async t => {
    const caller = await calling(kept('first', 'http://plain:8080/'), kept('second', 'http://other/'))
    await cluster.kubectl(['apply', '-f', '-'], THIRD)
    const third = await calling(kept('third', 'http://third:8081/'))
    await until('each was called a hundred times since', async () => third.heard('third').filter(isGood).length >= 100)
    const since = third.heard('third').findIndex(isGood)
    assert.deepEqual(third.heard('third').slice(since).filter(isBad), [])
    await third.stop()
    await cluster.kubectl(['delete', '-n', 'neighbours', 'service', 'third'])
    const before = caller.heard('first').length
    await until('both are called on', async () => caller.heard('first').length > before + 100)
    await caller.stop()
    const both = [...caller.heard('first'), ...caller.heard('second')]
    assert.deepEqual(both.filter(isBad), [])
    assert.equal(new Set(both.map(({ connection }) => connection)).size, 2, 'one connection each')
    t.diagnostic(`${both.length} requests to two Services while a third came and went, none failed`)
  })

  test('phrase 12: "Deleting a TrafficTarget denies within 1 s on live keep-alive connections"', async t => {
    const caller = await calling(kept('request', 'http://web-v1:8080/', 10))
    const took: number[] = []
    for (let round = 0; round < 5; round++) {
      took.push(await refusedAfter('requests', caller, 'request'))
      assert.match(caller.heard('request').at(-1)?.outcome ?? '', /^403/)
      await applied('neighbour-targets.yaml')
      await until('it is let in again', async () => isGood(caller.heard('request').at(-1)))
    }
    await caller.stop()
    assert.equal(new Set(caller.heard('request').map(({ connection }) => connection)).size, 1, 'one connection')
    assert.ok(Math.max(...took) < 1_000, `${took} ms`)
    t.diagnostic(`the first refusal came ${took.join(', ')} ms after the deletion was asked for, on one connection`)
  })

  test('phrase 12 for bytes: new connections are refused within 1 s, and open ones end, at the latest with the time to drain', async t => {
    const url = 'tcp://bytes:9000'
    const caller = await calling(kept('open', url), { name: 'new', url, everyMs: 20, keep: false })
    const asked = Date.now()
    const refused = await refusedAfter('connections', caller, 'new')
    assert.ok(refused < 1_000, `${refused} ms`)
    await until('the open connection has ended', async () => caller.heard('open').at(-1)?.outcome === 'closed')
    const ended = (caller.heard('open').at(-1)?.at ?? 0) - asked
    assert.ok(ended < DRAIN_MS + 5_000, `${ended} ms`)
    assert.deepEqual(
      caller.heard('new').filter(one => one.at > asked + refused && isGood(one)),
      [],
    )
    await caller.stop()
    await applied('neighbour-targets.yaml')
    t.diagnostic(`new connections were refused after ${refused} ms, the open one was ended after ${ended} ms`)
  })

  test('a changed TrafficSplit is obeyed on a connection that is open, in the median of 30 changes within 150 ms', async t => {
    const caller = await calling(kept('split', 'http://web:8080/', 5))
    const took: number[] = []
    await weigh(api, [1, 0])
    const latest = () =>
      new Set(
        caller
          .heard('split')
          .slice(-20)
          .map(({ outcome }) => outcome),
      )
    await until('all are answered by the first', async () => latest().size === 1)
    for (let change = 0; change < 30; change++) {
      const asked = Date.now()
      await weigh(api, change % 2 === 0 ? [0, 1] : [1, 0])
      const obeyed = () =>
        caller.heard('split').find(one => one.at > asked && one.outcome === `200:v${2 - (change % 2)}`)
      await until('it is obeyed', async () => obeyed() !== undefined)
      took.push((obeyed()?.at ?? 0) - asked)
      await pause(100 + 10 * change) // no rhythm that batching could fit
      const late = caller.heard('split').filter(one => one.at > asked + (took.at(-1) ?? 0))
      assert.deepEqual([...new Set(late.map(({ outcome }) => outcome))], [obeyed()?.outcome], 'and from then on')
    }
    await weigh(api, [50, 50])
    await caller.stop()
    assert.equal(new Set(caller.heard('split').map(({ connection }) => connection)).size, 1, 'one connection')
    assert.deepEqual(caller.heard('split').filter(isBad), [])
    const [median = 0, most] = [15, 29].map(at => took.toSorted((a, b) => a - b)[at])
    t.diagnostic(`${median} ms in the median, ${most} ms at the most, from the moment the API server was asked`)
    assert.ok(median < 150, `${took} ms`)
  })

  test('phrase 13: "A broken TrafficSplit never breaks its neighbours"', async t => {
    const calls = [
      kept('web', 'http://web:8080/', 10),
      kept('plain', 'http://plain:8080/'),
      kept('other', 'http://other/'),
    ]
    const caller = await calling(...calls, kept('bytes', 'tcp://bytes:9000'))
    const reasonsOf = async (name: string) => {
      const { status } = await object('trafficsplit', '-n', 'neighbours', name)
      return (status?.conditions ?? []).map(({ reason }: { reason: string }) => reason)
    }
    const webhook = await object('validatingwebhookconfiguration', 'smi-mesh')
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'smi-mesh'])
    await applied('broken-splits.yaml')
    const { items } = await object('trafficsplits', '-n', 'neighbours')
    const broken = items
      .map(({ metadata }: Named) => metadata)
      .filter(({ name }: Named['metadata']) => name.startsWith('broken'))
    for (const { name, annotations } of broken) {
      await until(`${name} is told so`, async () => {
        const reasons = await reasonsOf(name)
        return reasons.includes(annotations['says']) || reasons.join(' ')
      })
    }
    const definition = await object('crd', 'trafficsplits.split.smi-spec.io')
    await cluster.kubectl(['replace', '-f', '-'], JSON.stringify(withoutSchema(definition)))
    await until('the API server takes anything', () => applied('shapeless-splits.yaml').then(() => true, String))
    for (const name of ['none', 'text', 'backends', 'weights', 'service', 'matches']) {
      await until(`shapeless-${name} is told so`, async () =>
        (await reasonsOf(`shapeless-${name}`)).includes('SchemaViolation'),
      )
    }
    await cluster.kubectl(['delete', '-f', join(FOLDER, 'shapeless-splits.yaml')])
    await cluster.kubectl(['delete', '-f', join(FOLDER, 'broken-splits.yaml')])
    const { resourceVersion: _version, ...metadata } = (await object('crd', definition.metadata.name)).metadata
    await cluster.kubectl(['replace', '-f', '-'], JSON.stringify({ ...definition, metadata }))
    await cluster.kubectl(
      ['create', '-f', '-'],
      JSON.stringify({ ...webhook, metadata: { name: 'smi-mesh', ...marksOf(webhook) } }),
    )
    await caller.stop()
    const heard = [...calls, { name: 'bytes' }].flatMap(({ name }) => caller.heard(name))
    assert.deepEqual(heard.filter(isBad), [])
    assert.ok([...caller.heard('plain'), ...caller.heard('other')].every(({ outcome }) => outcome === '200:v1'))
    const web = caller.heard('web')
    const share = web.filter(({ outcome }) => outcome === '200:v1').length / web.length
    assert.ok(Math.abs(share - 0.5) < 5 * Math.sqrt(0.25 / web.length), `${share} of ${web.length}`)
    t.diagnostic(
      `${heard.length} requests beside ${broken.length + 6} broken objects, none failed; shares of the healthy one ${(share * 100).toFixed(1)} %`,
    )
  })

  test('phrase 2: "CronJob finishes within 5 s of the app\'s exit"', async t => {
    const scheduled = await endedJob('jobs')
    for (const name of ['again', 'once-more']) {
      await cluster.kubectl(['create', 'job', '-n', 'jobs', name, '--from=cronjob/nightly'])
    }
    const ended = [scheduled, await endedJob('jobs', 'again'), await endedJob('jobs', 'once-more')]
    for (const { pod, exitCode } of ended) {
      assert.equal(pod.metadata.annotations?.['smi-mesh.dev/status'], 'injected')
      assert.equal(exitCode, 0)
    }
    const seconds = ended.map(one => one.seconds)
    assert.ok(Math.max(...seconds) <= 5, `${seconds} s`)
    t.diagnostic(`after ${seconds.join(', ')} s`)
  })

  test('phrase 2 without native sidecars: the CronJob is left alone, is said to be, and finishes', async t => {
    assert.equal(classic.status, 1)
    assert.match(classic.said, /CronJob classic\/nightly: .* a Job with any other never ends/)
    const { pod, seconds } = await endedJob('classic')
    assert.equal(pod.status.containerStatuses.length, 1)
    assert.equal(pod.spec.initContainers, undefined)
    assert.ok(seconds <= 5, `${seconds} s`)
    t.diagnostic(`${seconds} s`)
  })

  test('phrase 11: "Expired cert is impossible while CP is up for > 1/3 of TTL"', async t => {
    await cluster.kubectl(['delete', 'pods', '-n', 'smi-mesh', '--all', '--grace-period=1', '--wait=false'])
    const restarted = Date.now()
    const passed = async () => Date.now() > restarted + 1.2 * CERTIFICATE_MS
    await until('a life of a certificate has passed', passed, 2 * CERTIFICATE_MS)
    const sights = look.sights()
    for (const ip of addresses) {
      const seen = sights.filter(one => one.ip === ip)
      const serials = new Set(seen.map(({ serial }) => serial))
      assert.ok(serials.size >= 3, `${ip} has shown ${serials.size} certificates`)
      assert.ok((seen.at(-1)?.at ?? 0) > Date.now() - 10_000, `${ip} shows none any more`)
    }
    const left = Math.min(...sights.map(({ at, notAfter }) => notAfter - at))
    assert.ok(left > 0, `${left} ms`)
    const certificates = new Set(sights.map(({ serial }) => serial)).size
    t.diagnostic(
      `${sights.length} looks, ${certificates} certificates of a minute, the operator restarted once: the shortest had ${(left / 1000).toFixed(1)} s left`,
    )
  })

  /** A Job that has ended, the one of that name or the first: its pod, and how long after its application it did. */
  const endedJob = async (namespace: string, name?: string) => {
    const ended: Pod[] = []
    const isMeant = ({ metadata, status }: Pod) =>
      /Succeeded|Failed/.test(status.phase) && (name === undefined || metadata.labels[JOB_NAME] === name)
    await until(
      `a Job of ${namespace} has ended`,
      async () => {
        const { items } = await object('pods', '-n', namespace)
        ended.push(...items.filter(isMeant))
        return ended.length > 0 || items.map(({ status }: Pod) => status.phase).join(' ')
      },
      120_000,
    )
    const [pod] = ended
    assert.ok(pod)
    const job = pod.metadata.labels[JOB_NAME] ?? ''
    await cluster.kubectl(['wait', '-n', namespace, '--for=condition=Complete', `job/${job}`, '--timeout=60s'])
    const { completionTime } = (await object('job', '-n', namespace, job)).status
    const { exitCode, finishedAt } = pod.status.containerStatuses[0]?.state.terminated ?? assert.fail(job)
    return { pod, exitCode, seconds: secondsBetween(finishedAt, completionTime) }
  }
})

const JOB_NAME = 'batch.kubernetes.io/job-name'

interface Pod {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: { readonly initContainers?: readonly object[] }
  readonly status: {
    readonly phase: string
    readonly containerStatuses: readonly {
      readonly state: { readonly terminated: { readonly exitCode: number; readonly finishedAt: string } }
    }[]
  }
}

const SQL = 'mariadb --no-defaults -h mysql --skip-ssl -N -e'.split(' ')

/** As neighbours.yaml has it. */
const DRAIN_MS = 5_000

const THIRD = `
apiVersion: v1
kind: Service
metadata: { name: third, namespace: neighbours }
spec: { selector: { version: v1 }, ports: [{ port: 8081, targetPort: 8080 }] }
`

function kept(name: string, url: string, everyMs = 20): SteadyCall {
  return { name, url, everyMs, keep: true }
}

function isGood(one: Heard | undefined): boolean {
  return one !== undefined && /^(?:200:|spoke$)/.test(one.outcome)
}

function isBad(one: Heard): boolean {
  return !isGood(one)
}

function secondsBetween(from: string, until: string): number {
  return (Date.parse(until) - Date.parse(from)) / 1000
}

/** The programs of `conformance/app`, where pods of a namespace find them. */
function scriptsIn(namespace: string): string {
  const names = ['broker.ts', 'steady.ts']
  const data = Object.fromEntries(names.map(name => [name, readFileSync(join(APP, name), 'utf8')]))
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'scripts', namespace }, data })
}
