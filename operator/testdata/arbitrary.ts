/**
 * Small worlds for property tests: Kubernetes objects as plain data, few names and many references, so that dangling and
 * conflicting ones are the rule. Knows the shapes of the objects and nothing of what is made of them.
 */
import { refText } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import { type Manifest, refOf } from './world.ts'

export const NAMESPACES = ['a', 'b', 'c', 'd'] as const
export const SERVICES = ['s0', 's1', 's2', 's3', 's4', 's5'] as const
export const ACCOUNTS = ['default', 'sa0', 'sa1', 'sa2'] as const
const GROUPS = ['g0', 'g1', 'g2'] as const
const ROUTES = ['r0', 'r1', 'r2'] as const
const TCP_ROUTES = ['t0', 't1'] as const
const UDP_ROUTES = ['u0'] as const
const BINDINGS = ['i0', 'i1'] as const
const PORTS = [80, 81, 8080] as const
const LABELS = ['x', 'y'] as const
/** Expressions that overlap, that are anchored oddly, and two that RE2 refuses. */
const EXPRESSIONS = ['/', '/a', '/a/b$', '^/b', '.*', '/a|/b', '(?i)/A', '', '(?=x)', 'a{1001}'] as const
const VALUES = ['1', '10', '.*', '^1', '(?<=x)1'] as const

/** Mostly the first namespace, so that references often meet. */
const namespace = fc.constantFrom('a', 'a', 'a', ...NAMESPACES)
const pick = <T>(values: readonly [T, ...T[]]): fc.Arbitrary<T> => fc.constantFrom(...values)
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

/** Leaves out what is undefined, as a manifest does. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function object(
  apiVersion: string,
  kind: string,
  name: fc.Arbitrary<string>,
  rest: fc.Arbitrary<Readonly<Record<string, unknown>>>,
): fc.Arbitrary<Manifest> {
  const created = fc.constantFrom(undefined, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')
  return fc.tuple(namespace, name, rest, created).map(([namespace, name, rest, creationTimestamp]) => {
    const { metadata = {}, ...fields } = rest
    const named = present({ namespace, name, creationTimestamp, ...(metadata as Record<string, unknown>) })
    return { apiVersion, kind, ...fields, metadata: { ...named, name } }
  })
}

const labels = fc.record({ app: pick(LABELS), tier: maybe(pick(LABELS)) }).map(present)

export const namespaceObject: fc.Arbitrary<Manifest> = fc
  .tuple(
    fc.constantFrom(...NAMESPACES),
    maybe(fc.constantFrom('enforce', 'audit', 'permissive', 'sometimes')),
    maybe(fc.constantFrom('deny', 'allow')),
  )
  .map(([name, access, unidentified]) => {
    const annotations = present({ 'smi-mesh.dev/access': access, 'smi-mesh.dev/unidentified': unidentified })
    return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } }
  })

export const serviceAccount = object('v1', 'ServiceAccount', pick(ACCOUNTS), fc.constant({}))

const servicePort = fc
  .record({
    port: pick(PORTS),
    name: maybe(fc.constantFrom('http', 'tcp-x', 'grpc', 'web')),
    appProtocol: maybe(fc.constantFrom('http', 'tcp', 'kubernetes.io/h2c')),
    targetPort: maybe(fc.constantFrom<number | string>(8080, 9090, 'main', 'absent')),
  })
  .map(present)

export const service = object(
  'v1',
  'Service',
  pick(SERVICES),
  fc.record({
    spec: fc
      .record({
        clusterIP: fc.constantFrom('10.0.0.1', 'None', undefined),
        type: fc.constantFrom(undefined, undefined, undefined, 'ExternalName'),
        selector: maybe(labels),
        ports: fc.uniqueArray(servicePort, { maxLength: 3, selector: port => port['port'] }),
      })
      .map(present),
  }),
)

export const pod = object(
  'v1',
  'Pod',
  fc.constantFrom('p0', 'p1', 'p2', 'p3'),
  fc.record({
    metadata: fc
      .record({
        labels,
        annotations: maybe(
          fc.constantFrom({ 'smi-mesh.dev/inject': 'disabled' }, { 'smi-mesh.dev/inject': 'perhaps' }),
        ),
        deletionTimestamp: fc.constantFrom(undefined, undefined, '2026-01-03T00:00:00Z'),
      })
      .map(present),
    spec: fc
      .record({
        serviceAccountName: maybe(pick(ACCOUNTS)),
        hostNetwork: fc.constantFrom(undefined, undefined, true),
        containers: fc.constantFrom(
          [{ ports: [{ containerPort: 8080, name: 'main' }] }],
          [{ ports: [{ containerPort: 8080 }, { containerPort: 9090, name: 'main' }] }],
          [{}],
        ),
      })
      .map(present),
    status: fc
      .record({
        podIP: fc.constantFrom('10.1.0.1', '10.1.0.2', '10.1.0.3', '127.3.0.1', undefined),
        phase: fc.constantFrom('Running', 'Pending', 'Succeeded', undefined),
      })
      .map(present),
  }),
)

export const endpointSlice = object(
  'discovery.k8s.io/v1',
  'EndpointSlice',
  fc.constantFrom('e0', 'e1'),
  fc.record({
    metadata: pick(SERVICES).map(name => ({ labels: { 'kubernetes.io/service-name': name } })),
    addressType: fc.constantFrom('IPv4', 'IPv4', 'IPv6'),
    ports: fc.constantFrom([{ name: 'http', port: 8080 }], [{ name: '', port: 9090 }]),
    endpoints: fc.array(
      fc
        .record({
          addresses: fc.constantFrom(['10.1.0.1'], ['10.1.0.2'], ['10.9.9.9'], []),
          targetRef: maybe(fc.constantFrom('p0', 'p1', 'gone').map(name => ({ kind: 'Pod', name }))),
          conditions: maybe(fc.record({ ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() })),
        })
        .map(present),
      { maxLength: 3 },
    ),
  }),
)

/** Names of Services as users write them; some can mean none. */
const serviceName = fc
  .tuple(
    fc.constantFrom(...SERVICES, 'gone'),
    fc.constantFrom('', '', '', '.a', '.b.svc', '.a.svc.cluster.local.', '.example.com'),
  )
  .map(([name, suffix]) => `${name}${suffix}`)

export const trafficSplit = object(
  'split.smi-spec.io/v1alpha4',
  'TrafficSplit',
  fc.constantFrom('x0', 'x1', 'x2'),
  fc.record({
    spec: fc
      .record({
        service: serviceName,
        backends: fc.array(fc.record({ service: serviceName, weight: fc.constantFrom(0, 1, 10, 90) }), {
          minLength: 1,
          maxLength: 3,
        }),
        matches: maybe(
          fc.array(
            fc.constantFrom(...GROUPS, 'gone').map(name => ({ kind: 'HTTPRouteGroup', name })),
            { maxLength: 2 },
          ),
        ),
      })
      .map(present),
  }),
)

const httpRoute = fc
  .record({
    name: pick(ROUTES),
    pathRegex: maybe(pick(EXPRESSIONS)),
    methods: maybe(fc.constantFrom(['GET'], ['*'], ['POST', 'GET'], [])),
    headers: maybe(pick(VALUES).map(value => ({ 'x-tenant': value }))),
  })
  .map(present)

export const httpRouteGroup = object(
  'specs.smi-spec.io/v1alpha4',
  'HTTPRouteGroup',
  pick(GROUPS),
  fc.record({ spec: fc.record({ matches: fc.array(httpRoute, { maxLength: 3 }) }) }),
)

const portRoute = fc.record({
  spec: fc.record({ matches: fc.record({ ports: fc.uniqueArray(pick(PORTS), { maxLength: 2 }) }) }),
})
export const tcpRoute = object('specs.smi-spec.io/v1alpha4', 'TCPRoute', pick(TCP_ROUTES), portRoute)
export const udpRoute = object('specs.smi-spec.io/v1alpha4', 'UDPRoute', pick(UDP_ROUTES), portRoute)

const subject = fc
  .record({
    kind: fc.constantFrom('ServiceAccount', 'ServiceAccount', 'ServiceAccount', 'IdentityBinding'),
    name: fc.constantFrom(...ACCOUNTS, ...BINDINGS),
    namespace: fc.constantFrom(undefined, 'a', 'a', 'b'),
  })
  .map(present)

const rule = fc
  .oneof(
    fc.record({
      kind: fc.constant('HTTPRouteGroup'),
      name: fc.constantFrom(...GROUPS, 'gone'),
      matches: maybe(fc.uniqueArray(fc.constantFrom(...ROUTES, 'gone'), { minLength: 1, maxLength: 2 })),
    }),
    fc.record({ kind: fc.constant('TCPRoute'), name: fc.constantFrom(...TCP_ROUTES, 'gone') }),
    fc.record({ kind: fc.constant('UDPRoute'), name: pick(UDP_ROUTES) }),
  )
  .map(present)

export const trafficTarget = object(
  'access.smi-spec.io/v1alpha4',
  'TrafficTarget',
  fc.constantFrom('w0', 'w1', 'w2', 'w3'),
  fc.record({
    spec: fc.record({
      destination: subject,
      sources: fc.array(subject, { maxLength: 2 }),
      rules: fc.array(rule, { maxLength: 3 }),
    }),
  }),
)

export const identityBinding = object(
  'access.smi-spec.io/v1alpha4',
  'IdentityBinding',
  pick(BINDINGS),
  fc.record({
    spec: fc.record({
      schemes: fc.oneof(
        pick(ACCOUNTS).map(serviceAccount => ({ serviceAccount })),
        labels.map(matchLabels => ({ podLabelSelector: { matchLabels } })),
        fc
          .constantFrom('cluster.local/ns/a/sa/sa0', 'spiffe://cluster.local/ns/b/sa/sa1', 'elsewhere/ns/a/sa/sa0')
          .map(id => ({ spiffeIdentities: [id] })),
      ),
    }),
  }),
)

/** Any object the mesh is made of. */
export const anyObject: fc.Arbitrary<Manifest> = fc.oneof(
  { weight: 1, arbitrary: namespaceObject },
  { weight: 1, arbitrary: serviceAccount },
  { weight: 4, arbitrary: service },
  { weight: 4, arbitrary: pod },
  { weight: 1, arbitrary: endpointSlice },
  { weight: 4, arbitrary: trafficSplit },
  { weight: 4, arbitrary: trafficTarget },
  { weight: 3, arbitrary: httpRouteGroup },
  { weight: 2, arbitrary: tcpRoute },
  { weight: 1, arbitrary: udpRoute },
  { weight: 1, arbitrary: identityBinding },
)

/** The text of an object's reference, unique in a world. */
export function keyOf(manifest: Manifest): string {
  return refText(refOf(manifest))
}

/** Up to 40 objects, no two of the same name and kind. */
export const worldObjects: fc.Arbitrary<readonly Manifest[]> = fc.uniqueArray(anyObject, {
  maxLength: 40,
  selector: keyOf,
  size: 'max',
})

/** Objects that certainly meet: pods behind Services, so that calls get somewhere. */
export const livelyWorld: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    fc.uniqueArray(service, { minLength: 2, maxLength: 6, selector: keyOf }),
    fc.uniqueArray(pod, { minLength: 2, maxLength: 8, selector: keyOf }),
    fc.uniqueArray(
      fc.oneof(trafficSplit, trafficTarget, trafficTarget, httpRouteGroup, tcpRoute, namespaceObject, identityBinding),
      {
        maxLength: 16,
        selector: keyOf,
      },
    ),
  )
  .map(parts => parts.flat())

export type WorldEvent =
  | { readonly kind: 'put'; readonly object: Manifest }
  | { readonly kind: 'remove'; readonly object: Manifest }
  | { readonly kind: 'settle' }

/** What happens to a cluster: objects come, change, go; now and then the mesh catches up. */
export const worldEvents: fc.Arbitrary<readonly WorldEvent[]> = fc.array(
  fc.oneof(
    { weight: 7, arbitrary: anyObject.map(object => ({ kind: 'put', object }) as const) },
    { weight: 2, arbitrary: anyObject.map(object => ({ kind: 'remove', object }) as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'settle' } as const) },
  ),
  { maxLength: 80, size: 'max' },
)
