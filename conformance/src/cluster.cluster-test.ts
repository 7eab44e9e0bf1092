/** The cluster that other tests lean on: the API that users install, pods that reach each other, and that nothing of it is left. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { isSmi, type JsonSchema, KINDS, schemaOf, validate, withoutNulls } from '@smi-mesh/smi-crds'
import { Ajv, type ValidateFunction } from 'ajv'
import { parseAllDocuments } from 'yaml'
import { type Cluster, outputOf, startCluster } from './harness/cluster.ts'
import { type Json, mutants } from './harness/mutants.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const CRDS = join(CHECKOUT, 'smi-crds', 'crds')
const EXAMPLES = join(CHECKOUT, 'smi-crds', 'examples')
const kubeconfig = process.env['TEST_KUBECONFIG']
const needsNode = kubeconfig === undefined ? false : 'needs a node of its own'

interface SmiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

describe('an API server', () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster({ name: 'test-api', level: 'api', kubeconfig })
    await cluster.kubectl(['apply', '--server-side', '-f', CRDS])
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS])
    await cluster.kubectl(['apply', '-f', '-'], namespaces())
  })
  after(() => cluster?.stop())

  test('is ready', async () => {
    assert.equal(await cluster.kubectl(['get', '--raw', '/readyz']), 'ok')
  })

  test('knows every kind and version of SMI by the names we document', async () => {
    const said: { items: readonly Definition[] } = JSON.parse(await cluster.kubectl(['get', '-f', CRDS, '-o', 'json']))
    const known = said.items.map(({ spec, status: { acceptedNames } }) => ({
      kind: acceptedNames.kind,
      plural: acceptedNames.plural,
      singular: acceptedNames.singular,
      shortNames: acceptedNames.shortNames,
      versions: spec.versions.filter(({ served }) => served).map(({ name }) => name),
      hub: spec.versions.find(({ storage }) => storage)?.name,
      group: spec.group,
    }))
    assert.deepEqual(byKind(known), byKind(KINDS))
  })

  for (const file of exampleFiles()) {
    test(`takes the example ${file}`, async () => {
      const said = await cluster.kubectl(['create', '--dry-run=server', '--output=name', '-f', join(EXAMPLES, file)])
      assert.equal(said.trim().split('\n').length, documentsOf(file).length)
    })
  }

  test('takes and refuses what our schemas take and refuse, but for labels of null', {
    timeout: 400_000,
  }, async () => {
    const asked = strange().filter(object => !nullLabel.test(JSON.stringify(object)))
    const taken = await takenBy(cluster, asked)
    const wrong = asked.filter(object => ours(object) !== taken.has(object.metadata.name))
    assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${asked.length} judged differently`)
    const accepted = asked.filter(({ metadata }) => taken.has(metadata.name)).length
    assert.ok(
      accepted > 50 && asked.length - accepted > 50,
      `one-sided questions: ${accepted} of ${asked.length} taken`,
    )
  })

  test('keeps a label of null, which the mesh refuses, rather than ask for fewer labels', async () => {
    const matchLabels = { app: 'web', tier: null }
    const metadata = { name: 'null-label', namespace: 'default' }
    const spec = { schemes: { podLabelSelector: { matchLabels } } }
    const object = { apiVersion: 'access.smi-spec.io/v1alpha4', kind: 'IdentityBinding', metadata, spec }
    const create = ['create', '--dry-run=server', '--validate=false', '--output=json', '-f', '-']
    const kept: unknown = JSON.parse(await cluster.kubectl(create, JSON.stringify(object)))
    assert.deepEqual(Object(kept).spec, spec)
    assert.deepEqual(
      validate(kept).map(({ path }) => path),
      ['spec.schemes.podLabelSelector.matchLabels.tier'],
    )
  })
})

interface Definition {
  readonly spec: {
    readonly group: string
    readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean }[]
  }
  readonly status: {
    readonly acceptedNames: {
      readonly kind: string
      readonly plural: string
      readonly singular: string
      readonly shortNames: readonly string[]
    }
  }
}

describe('a node', { skip: needsNode }, () => {
  let cluster: Cluster

  before(async () => {
    cluster = await startCluster({ name: 'test-full', level: 'full' })
    await cluster.kubectl(['apply', '-f', '-'], APPLICATION)
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s'])
  })
  after(() => cluster?.stop())

  test('lets a pod reach every pod of a Service by its name', async () => {
    const pods = await cluster.kubectl(['get', 'pods', '-l', 'app=web', '-o', 'name'])
    const expected = new Set(
      pods
        .trim()
        .split('\n')
        .map(name => name.replace('pod/', '')),
    )
    const curl = 'for i in $(seq 40); do curl -s -m 5 -o /dev/null -D - http://web.default.svc.cluster.local/; done'
    const heads = await cluster.kubectl(['exec', 'client', '--', 'sh', '-c', curl])
    assert.deepEqual(new Set(answering(heads)), expected)
  })

  test('says of a name outside that it does not exist', async () => {
    await assert.rejects(cluster.kubectl(['exec', 'client', '--', 'nslookup', 'example.com']), /NXDOMAIN/)
  })

  test('lets its own processes reach pods and Services', async () => {
    const service = await cluster.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}'])
    const pod = await cluster.kubectl(['get', 'pod', 'client', '-o', 'jsonpath={.status.hostIP}'])
    assert.equal(pod, '192.0.2.11')
    const heads = await outputOf(cluster.inNode('curl', ['-sS', '-m', '5', '-D', '-', `http://${service}/`]))
    assert.equal(answering(heads).length, 1)
  })

  for (const [image, command, said] of [
    ['operator', ['/usr/bin/node', '-p', 'process.getuid()'], /^15000$/m],
    ['proxy', ['/usr/bin/node', '-p', 'process.getuid()'], /^15000$/m],
    ['operator', ['smi-mesh', '--help'], /^Usage: smi-mesh /m],
    ['operator', ['smictl', '--help'], /^Usage: smictl /m],
    ['proxy', ['smi-mesh-sidecar'], /^usage: smi-mesh-sidecar init$/m],
    ['proxy', ['envoy', '--version'], /envoy .*version:/],
    ['proxy', ['nft', '--version'], /^nftables/m],
    ['proxy', ['iptables-restore', '--version'], /^iptables-restore .*nf_tables/m],
  ] as const) {
    test(`runs ${command.join(' ')} of the ${image}`, async () => {
      const name = `${image}-${command.join('-').replace(/[^a-z]+/g, '-')}x`
      const pod = [name, `--image=localhost/smi-mesh/${image}:dev`, '--restart=Never']
      await cluster.kubectl(['run', ...pod, '--command', '--', ...command])
      await cluster.kubectl([
        'wait',
        '--for=jsonpath={.status.containerStatuses[0].state.terminated}',
        `pod/${name}`,
        '--timeout=60s',
      ])
      assert.match(await cluster.kubectl(['logs', name]), said)
    })
  }

  test('has no way out', async () => {
    const out = cluster.inNode('curl', ['-sS', '-m', '5', 'http://203.0.113.1/'])
    await assert.rejects(outputOf(out), /Failed to connect|No route to host|unreachable/)
  })
})

describe('of a cluster that has ended', { skip: needsNode }, () => {
  test('nothing is left, not even a process that a test forgot', { timeout: 400_000 }, async t => {
    const settings = machineSettings()
    const alone =
      !existsSync('/run/smi-mesh') ||
      readdirSync('/run/smi-mesh', { withFileTypes: true }).every(entry => !entry.isDirectory())
    const cluster = await startCluster({ name: 'test-ends', level: 'full' })
    const forgotten = cluster.inNode('sleep', ['1000'], { stdio: 'ignore' })
    const forgottenEnded = once(forgotten, 'exit')
    assert.notDeepEqual(left('test-ends'), [])
    await cluster.stop()
    await forgottenEnded
    assert.deepEqual(left('test-ends'), [])
    if (alone) assert.deepEqual(machineSettings(), settings)
    else t.diagnostic('another cluster runs: settings of the machine come back with the last one')
  })

  test('nothing is left either when whoever started it is killed', { timeout: 400_000 }, async () => {
    const starter = starting('test-killed')
    await once(starter, 'message')
    assert.notDeepEqual(left('test-killed'), [])
    starter.kill('SIGKILL')
    const deadline = Date.now() + 60_000
    while (left('test-killed').length > 0 && Date.now() < deadline) await pause(200)
    assert.deepEqual(left('test-killed'), [])
  })
})

const APPLICATION = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: echo
          image: localhost/smi-mesh-test/echo:1
          readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: client, image: "localhost/smi-mesh-test/tools:1", args: [sleep infinity] }]
`

function byKind(kinds: readonly { readonly kind: string }[]) {
  return kinds.toSorted((one, other) => one.kind.localeCompare(other.kind))
}

function exampleFiles(): readonly string[] {
  return globSync('**/*.yaml', { cwd: EXAMPLES }).sort()
}

function documentsOf(file: string): readonly SmiObject[] {
  return parseAllDocuments(readFileSync(join(EXAMPLES, file), 'utf8')).map(document => document.toJS())
}

/** The API server refuses what belongs to a namespace that isn't there. */
function namespaces(): string {
  const names = new Set(
    exampleFiles()
      .flatMap(documentsOf)
      .map(({ metadata }) => metadata.namespace ?? 'default'),
  )
  const list = [...names].map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list })
}

/** All mutants of the examples, told apart by their names. */
function strange(): readonly SmiObject[] {
  return exampleFiles()
    .flatMap(documentsOf)
    .filter(isSmi)
    .flatMap(({ apiVersion, kind, metadata, ...rest }) => {
      const content: Json = JSON.parse(JSON.stringify(rest))
      return [...mutants(content)].map(changed => ({ apiVersion, kind, ...Object(changed), metadata }))
    })
    .map((object, at) => ({ ...object, metadata: { name: `mutant-${at}`, namespace: object.metadata.namespace } }))
}

/** Such is kept by the server, for the mesh to refuse. */
const nullLabel = /"matchLabels":\{[^}]*null/

const ajv = new Ajv({ strict: false, validateFormats: false, logger: false })

const judges = new Map<JsonSchema, ValidateFunction>()

function ours(object: SmiObject): boolean {
  const kind = KINDS.find(known => known.kind === object.kind)
  const version = kind?.versions.find(name => object.apiVersion.endsWith(`/${name}`))
  const schema = kind === undefined || version === undefined ? undefined : schemaOf(kind.kind, version)
  assert.ok(schema !== undefined, `${object.kind} ${object.apiVersion} has a schema`)
  const judge = judges.get(schema) ?? ajv.compile(schema)
  judges.set(schema, judge)
  return judge(withoutNulls({ ...object }, schema))
}

/** Names of the objects that the API server would have written. */
async function takenBy(cluster: Cluster, objects: readonly SmiObject[]): Promise<ReadonlySet<string>> {
  // a document each: kubectl goes on after one that is refused, and its status tells no more than that there was one
  const documents = objects.map(object => JSON.stringify(object)).join('\n---\n')
  const create = ['create', '--dry-run=server', '--validate=false', '--output=name', '-f', '-']
  const said = await cluster.kubectl(create, documents).catch((error: unknown) => String(error))
  return new Set([...said.matchAll(/^\S+\/(mutant-\d+)$/gm)].map(([, name]) => name ?? ''))
}

function answering(heads: string): readonly string[] {
  return [...heads.matchAll(/^x-echo-pod: (\S+)/gm)].map(([, pod]) => pod ?? '')
}

/** What a cluster of that name has on this machine. */
function left(name: string): readonly string[] {
  const lines = (text: string) =>
    text.split('\n').filter(line => line.includes(`smi-mesh-${name}-`) || line.includes(`smi-mesh/${name}`))
  return [
    ...lines(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })),
    ...lines(readFileSync('/proc/mounts', 'utf8')),
    ...globSync(`/sys/fs/cgroup/*/smi-mesh-${name}-*`),
    ...globSync('/proc/[0-9]*/cmdline').filter(file => commandOf(file).includes(`/${name}/`)),
    ...(existsSync(`/run/smi-mesh/${name}`) ? [`/run/smi-mesh/${name}`] : []),
  ]
}

/** Empty for a process that has ended meanwhile. */
function commandOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function machineSettings(): string {
  return execFileSync(
    'sysctl',
    ['vm.overcommit_memory', 'kernel.panic', 'kernel.panic_on_oops', 'fs.inotify.max_user_instances'],
    {
      encoding: 'utf8',
    },
  )
}

/** Another process that starts a cluster, says so, and waits. */
function starting(name: string): ChildProcess {
  const harness = join(import.meta.dirname, 'harness', 'cluster.ts')
  const program = `
    const { startCluster } = await import(process.argv[1])
    await startCluster({ name: '${name}', level: 'api' })
    process.send('up')
    setInterval(() => {}, 1000)`
  return spawn(process.execPath, ['--input-type=module', '--eval', program, harness], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}
