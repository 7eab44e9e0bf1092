/** Pods in, pods out. Each folder of testdata/inject is a case: `in.yaml` says what is to happen; `make golden` writes the rest. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { sidecarOptions } from '@smi-mesh/dataplane/sidecar'
import { parse, stringify } from 'yaml'
import { INJECTION } from '../../testdata/injection.ts'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import { inject } from './inject.ts'
import type { InjectContext } from './inject-context.ts'
import { judgePod, podPatch } from './judge-pod.ts'

const CASES = join(import.meta.dirname, '../../testdata/inject')

const context: InjectContext = {
  namespace: 'shop',
  joined: true,
  ...INJECTION,
}

const POD = { group: '', version: 'v1', kind: 'Pod' }

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false })
}

for (const name of readdirSync(CASES)) {
  test(`inject ${name}`, () => {
    const text = readFileSync(join(CASES, name, 'in.yaml'), 'utf8')
    const [, options = '{}'] = /^# context: (.+)$/m.exec(text) ?? []
    const pod = fieldsOf(parse(text))
    const result = inject(pod, { ...context, ...fieldsOf(parse(options)) })
    const { pod: after, ...said } = result.kind === 'injected' ? result : { ...result, pod: undefined }
    const files = new Map([
      ['pod.yaml', after === undefined ? '' : yaml(after)],
      ['patch.yaml', yaml({ ...said, patch: after === undefined ? [] : podPatch(pod, after) })],
    ])
    for (const [file, content] of files) {
      const path = join(CASES, name, file)
      if (process.env['UPDATE_GOLDEN'] === '1' && content !== '') writeFileSync(path, content)
      assert.equal(content, existsSync(path) ? readFileSync(path, 'utf8') : '', 'run `make golden` and read the diff')
    }
  })
}

describe('injecting', () => {
  const web = { name: 'web', image: 'web', livenessProbe: { httpGet: { path: '/healthz', port: 8080 } } }
  const podOf = (...containers: readonly unknown[]) => ({ metadata: { name: 'web-1' }, spec: { containers } })
  const injected = (pod: unknown) => {
    const result = inject(fieldsOf(pod), context)
    return result.kind === 'injected' ? result.pod : assert.fail(result.message)
  }
  const optionsOf = (pod: unknown) => {
    const [init] = listOf(fieldsOf(fieldsOf(pod)['spec'])['initContainers']).map(fieldsOf)
    const [variable] = listOf(init?.['env']).map(fieldsOf)
    return sidecarOptions({ SMI_MESH_SIDECAR: textOf(variable?.['value']) })
  }

  test('a second pass changes nothing', () => {
    const once = injected(podOf(web))
    assert.deepEqual(injected(once), once)
    assert.deepEqual(podPatch(once, injected(once)), [])
  })

  test('a container that came after the first pass has its probes rewritten by the second', () => {
    const once = injected(podOf(web))
    const spec = fieldsOf(once['spec'])
    const late = { name: 'late', image: 'late', readinessProbe: { tcpSocket: { port: 7000 } } }
    const twice = injected({ ...once, spec: { ...spec, containers: [...listOf(spec['containers']), late] } })
    const paths = optionsOf(twice).probes.map(({ path, port }) => [path, port])
    assert.deepEqual(paths, [
      ['/probe/web/liveness', 8080],
      ['/probe/late/readiness', 7000],
    ])
  })

  test('set up comes first, also where another webhook put something before it', () => {
    const once = injected(podOf(web))
    const spec = fieldsOf(once['spec'])
    const moved = {
      ...once,
      spec: { ...spec, initContainers: [{ name: 'x', image: 'x' }, ...listOf(spec['initContainers'])] },
    }
    const names = listOf(fieldsOf(injected(moved)['spec'])['initContainers']).map(one => fieldsOf(one)['name'])
    assert.deepEqual(names, ['smi-mesh-init', 'smi-mesh-proxy', 'x'])
  })

  test('set up has the processor of the proxy, so that a limit which a quota asks for stands in both', () => {
    const annotations = {
      'smi-mesh.dev/proxy-cpu-limit': '5m',
      'smi-mesh.dev/proxy-cpu-request': '5m',
      'smi-mesh.dev/proxy-memory-limit': '64Mi',
    }
    const limited = injected({ ...podOf(web), metadata: { name: 'web-1', annotations } })
    const resources = listOf(fieldsOf(limited['spec'])['initContainers']).map(one => fieldsOf(one)['resources'])
    const requests = { cpu: '5m', memory: '64Mi' }
    assert.deepEqual(resources, [
      { requests, limits: { cpu: '5m', memory: '256Mi' } },
      { requests, limits: { cpu: '5m', memory: '64Mi' } },
    ])
  })

  test('a pod that says what its containers take together has room for ours in it, as an API server asks', () => {
    const resources = { requests: { memory: '96Mi' }, limits: { memory: '96Mi' } }
    const pod = podOf(web)
    const { initContainers } = fieldsOf(injected({ ...pod, spec: { ...pod.spec, resources } })['spec'])
    const found = listOf(initContainers).map(one => fieldsOf(one)['resources'])
    assert.deepEqual(found, [
      { requests: { cpu: '10m' }, limits: {} },
      { requests: { cpu: '10m' }, limits: {} },
    ])
  })

  test('what the injector writes, the sidecar reads', () => {
    const { controlPlane, workload, probes } = optionsOf(injected(podOf(web)))
    assert.deepEqual([controlPlane, workload, probes.length], [context.controlPlane, 'shop/default', 1])
  })

  test('a pod that cannot be in the mesh any more after the first pass keeps nothing of its proxy', () => {
    const once = injected(podOf(web))
    const moved = { ...once, spec: { ...fieldsOf(once['spec']), hostNetwork: true } }
    const review = { uid: '1', kind: POD, operation: 'CREATE', namespace: 'shop', name: '', dryRun: false } as const
    const { verdict, event } = judgePod({ ...review, before: undefined, object: moved }, context, 'allow')
    assert.equal(event?.reason, 'HostNetwork')
    const values = verdict.kind === 'allowed' ? (verdict.patch ?? []).map(({ path, value }) => [path, value]) : []
    const by = new Map(values.map(([path, value]) => [String(path), value]))
    assert.deepEqual(by.get('/spec/initContainers'), [])
    assert.deepEqual(by.get('/spec/volumes'), [])
    assert.equal(fieldsOf(by.get('/metadata/annotations'))['smi-mesh.dev/status'], undefined)
  })

  test('who claims to have been injected and is not, is not believed', () => {
    const pod = podOf({ ...web, name: 'istio-proxy' })
    const liar = { ...pod, metadata: { ...pod.metadata, annotations: { 'smi-mesh.dev/status': 'injected' } } }
    const review = { uid: '1', kind: POD, operation: 'CREATE', namespace: 'shop', name: '', dryRun: false } as const
    const { verdict } = judgePod({ ...review, before: undefined, object: liar }, context, 'allow')
    const patch = verdict.kind === 'allowed' ? verdict.patch : undefined
    assert.deepEqual(patch, [{ op: 'add', path: '/metadata/annotations', value: {} }])
  })

  describe('the application of a server is told of its end later than its callers', () => {
    const serving = { ...web, ports: [{ containerPort: 8080 }] }
    const hookOf = (container: Fields, more: Fields = {}, annotations: Fields = {}) => {
      const pod = { metadata: { name: 'web-1', annotations }, spec: { containers: [container], ...more } }
      const [first] = listOf(fieldsOf(injected(pod)['spec'])['containers']).map(fieldsOf)
      return fieldsOf(first?.['lifecycle'])['preStop']
    }

    test('by five seconds, where it has no hook of its own', () => {
      assert.deepEqual(hookOf(serving), { sleep: { seconds: 5 } })
      const preStop = { exec: { command: ['nginx', '-s', 'quit'] } }
      assert.deepEqual(hookOf({ ...serving, lifecycle: { preStop } }), preStop)
    })

    test('which leaves it most of its grace', () => {
      assert.deepEqual(hookOf(serving, { terminationGracePeriodSeconds: 10 }), { sleep: { seconds: 2 } })
      assert.equal(hookOf(serving, { terminationGracePeriodSeconds: 1 }), undefined)
    })

    test('or by as much as its annotation says', () => {
      assert.deepEqual(hookOf(serving, {}, { 'smi-mesh.dev/notice-seconds': '3' }), { sleep: { seconds: 3 } })
      assert.equal(hookOf(serving, {}, { 'smi-mesh.dev/notice-seconds': '0' }), undefined)
    })

    test('and one that serves nobody is told at once', () => assert.equal(hookOf(web), undefined))
  })

  test('a hook takes as long as the kubelet waits for it, which is the grace of the pod', () => {
    const hooks = { preStop: { httpGet: { path: '/drain', port: 8080 } }, postStart: { httpGet: { port: 8080 } } }
    const pod = podOf({ ...web, lifecycle: hooks })
    const patient = { ...pod, spec: { ...pod.spec, terminationGracePeriodSeconds: 600 } }
    const found = optionsOf(injected(patient)).probes.filter(({ path }) => !path.endsWith('liveness'))
    assert.deepEqual(
      found.map(({ path, timeoutS }) => [path, timeoutS >= 600]),
      [
        ['/probe/web/postStart/0123456789abcdef', true],
        ['/probe/web/preStop/0123456789abcdef', true],
      ],
    )
  })

  test('a hook is asked for by a word that no other pod has, and that a second pass keeps', () => {
    let tokens = 0
    const own = { ...context, hookToken: () => `token-${++tokens}` }
    const pod = podOf({ ...web, lifecycle: { preStop: { httpGet: { path: '/drain', port: 8080 } } } })
    const once = inject(pod, own)
    const hookPaths = (injection: typeof once) =>
      optionsOf(injection.pod).probes.flatMap(({ path }) => (path.includes('preStop') ? [path] : []))
    assert.deepEqual(hookPaths(once), ['/probe/web/preStop/token-1'])
    assert.deepEqual(hookPaths(inject(pod, own)), ['/probe/web/preStop/token-2'])
    assert.deepEqual(inject(once.pod, own), once)
  })

  for (const list of ['8080, 80a', '', '0']) {
    test(`of an inclusion list "${list}" no port is left out of the mesh by mistake`, () => {
      const annotations = { 'smi-mesh.dev/inbound-port-inclusion-list': list }
      const pod = podOf(web)
      const { capture } = optionsOf(injected({ ...pod, metadata: { ...pod.metadata, annotations } }))
      assert.equal(capture.inbound.ports, 'all')
    })
  }

  for (const range of ['fe80::1%eth0', 'fe80::%eth0/64', '10.0.0.0/08', '10.0.0.0/', '10.0.0.0/33']) {
    test(`a block "${range}", which the kernel does not understand, is left out and told`, () => {
      const annotations = { 'smi-mesh.dev/outbound-ip-range-exclusion-list': `10.0.0.0/8,${range}` }
      const result = inject({ ...podOf(web), metadata: { name: 'web-1', annotations } }, context)
      assert.ok(result.kind === 'injected' && result.warnings.length === 1)
      assert.deepEqual(optionsOf(result.pod).capture.outbound.exceptRanges, ['10.0.0.0/8'])
    })
  }

  test('a review is answered with a patch, or with an event for the owner of the pod', () => {
    const request = {
      uid: '1',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      operation: 'CREATE',
      namespace: 'shop',
      name: '',
      before: undefined,
      dryRun: false,
    } as const
    const { verdict, event } = judgePod({ ...request, object: podOf(web) }, context, 'allow')
    assert.ok(verdict.kind === 'allowed' && verdict.patch?.length === 4 && event === undefined)
    const annotations = { 'smi-mesh.dev/inject': 'disable', 'smi-mesh.dev/proxy-cpu-limit': 'lots' }
    const unread = judgePod({ ...request, object: { ...podOf(web), metadata: { annotations } } }, context, 'allow')
    assert.deepEqual([unread.verdict.kind, unread.event?.reason], ['allowed', 'AnnotationValue'])
    assert.match(unread.event?.message ?? '', /inject: "disable" means nothing.*proxy-cpu-limit: "lots" cannot be used/)
    const hosted = judgePod(
      { ...request, object: { spec: { hostNetwork: true, containers: [web] } } },
      context,
      'allow',
    )
    assert.deepEqual([hosted.verdict.kind, hosted.event?.reason], ['allowed', 'HostNetwork'])
    assert.equal(judgePod({ ...request, object: podOf(web), operation: 'UPDATE' }, context, 'allow').event, undefined)
  })

  test('a namespace that takes no pod without a proxy denies what would be skipped, and nothing else', () => {
    const review = { uid: '1', kind: POD, operation: 'CREATE', namespace: 'shop', name: '', dryRun: false } as const
    const judged = (pod: object, uninjected: 'allow' | 'deny' | 'unknown') =>
      judgePod({ ...review, before: undefined, object: fieldsOf(pod) }, context, uninjected)
    const hosted = { spec: { hostNetwork: true, containers: [web] } }
    const { verdict, event } = judged(hosted, 'deny')
    assert.match(
      verdict.kind === 'denied' ? verdict.message : '',
      /network of its node.* shop takes no pod without a proxy/,
    )
    assert.equal(event?.reason, 'HostNetwork')
    assert.equal(judged(hosted, 'unknown').verdict.kind, 'denied')
    assert.equal(judged(hosted, 'allow').verdict.kind, 'allowed')
    assert.equal(judged(podOf(web), 'deny').verdict.kind, 'allowed')
    const out = { metadata: { annotations: { 'smi-mesh.dev/inject': 'disabled' } }, spec: { containers: [web] } }
    assert.deepEqual(judged(out, 'deny'), { verdict: { kind: 'allowed', warnings: [] } })
  })
})
