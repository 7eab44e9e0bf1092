import assert from 'node:assert/strict'
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FileSource } from '../sources/index.ts'
import { MemorySource } from '../sources/memory.ts'
import { Recorder, sourceContract } from '../sources/source.contract.ts'
import { at } from './fields.ts'
import { type Demand, StandaloneSource } from './source.ts'

sourceContract('standalone', async () => {
  const root = await mkdtemp(join(tmpdir(), 'smi-standalone-'))
  const file = (name: string) => join(root, `${name}.yaml`)
  return {
    source: new StandaloneSource(new FileSource(root), () => undefined),
    write: (name, text) =>
      writeFile(file(name), `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {text: "${text}"}\n`),
    remove: name => unlink(file(name)),
    spoil: name => writeFile(file(name), 'kind: [ConfigMap\n'),
    dispose: () => rm(root, { recursive: true, force: true }),
  }
})

const deployment = (containers: readonly object[]) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { template: { metadata: { labels: { app: 'web' } }, spec: { containers } } },
})
const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
})
const program = { name: 'app', command: ['node'], ports: [{ containerPort: 8080 }] }

async function started(...objects: readonly object[]) {
  const demands: Demand[] = []
  const memory = new MemorySource(objects)
  const source = new StandaloneSource(memory, demand => demands.push(demand))
  const on = new Recorder()
  await source.start(on)
  const wanted = () => demands.at(-1)?.pods ?? []
  return { demands, memory, source, on, wanted }
}

test('a pod is told of once it runs, follows its state, and goes with it', async () => {
  const { source, on, wanted } = await started(deployment([program]))
  const [pod] = wanted()
  assert.ok(pod)
  const key = `Pod shop/${pod.name}`
  assert.equal(on.state.has(key), false)
  source.show([{ pod, state: 'unready', subnet: 5, since: 0 }])
  assert.equal(at(on.state.get(key)?.object, 'status.podIP'), '127.5.0.1')
  const told = on.batches.length
  source.show([{ pod, state: 'unready', subnet: 5, since: 0 }])
  assert.equal(on.batches.length, told)
  source.show([])
  assert.equal(on.state.has(key), false)
})

test('a Service keeps its cluster IP while others come and go', async () => {
  const { memory, on } = await started(service('b'))
  const ip = () => at(on.state.get('Service shop/b')?.object, 'spec.clusterIP')
  const first = ip()
  memory.put(service('a'))
  memory.put(service('c'))
  memory.remove(service('a'))
  assert.equal(ip(), first)
})

test('what is asked for says which Services there are', async () => {
  const { demands } = await started(deployment([program]), service('b'))
  assert.deepEqual(
    demands.at(-1)?.services.map(({ name, ports }) => [name, ports]),
    [['b', [{ port: 80, name: '' }]]],
  )
})

test('what cannot be run is a problem of its object until it is corrected', async () => {
  const { memory, on, wanted } = await started(deployment([{ name: 'app', image: 'web:1' }]))
  assert.deepEqual(wanted(), [])
  assert.match(on.current[0]?.where ?? '', /spec\.template\.spec\.containers\[0\]\.command$/)
  assert.match(on.current[0]?.message ?? '', /^Deployment shop\/web: Container app has no command/)
  memory.put(deployment([program]))
  assert.deepEqual(on.current, [])
  assert.equal(wanted().length, 1)
})
