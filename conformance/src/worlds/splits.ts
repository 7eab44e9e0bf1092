/** TrafficSplits of made-up worlds: any version, several of one apex, self-referential, dangling, and all zero now and then. */
import fc from 'fast-check'
import type { RawObject } from '../world.ts'
import { SERVICES } from './cast.ts'
import { createdAt, groupName, home, mentioned, service } from './names.ts'
import { smiObject } from './objects.ts'

const weight = fc.constantFrom(0, 1, 3, 1, 9, 50, 50, 100)
const backends = fc.uniqueArray(fc.record({ service, weight }), {
  minLength: 1,
  maxLength: 3,
  selector: one => one.service,
})
const matches = fc.array(
  mentioned(groupName).map(name => ({ kind: 'HTTPRouteGroup', name })),
  { minLength: 1, maxLength: 2 },
)

/** The apex as a short name, and as every longer spelling that means the same; and as one that means somebody else's. */
function spelled(name: string, namespace: string): fc.Arbitrary<string> {
  const long = [
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.cluster.local`,
    `${name}.other`,
  ]
  return fc.oneof({ weight: 6, arbitrary: fc.constant(name) }, { weight: 1, arbitrary: fc.constantFrom(...long) })
}

interface Spec {
  readonly service: string
  readonly backends: readonly { readonly service: string; readonly weight: number }[]
}

const old: Readonly<Record<string, (spec: Spec) => RawObject>> = {
  v1alpha1: spec => ({
    ...spec,
    backends: spec.backends.map(backend => ({ ...backend, weight: `${backend.weight}` })),
  }),
  // All in thousandths: shares are what counts.
  'v1alpha1 in thousandths': spec => ({
    ...spec,
    backends: spec.backends.map(backend => ({ ...backend, weight: `${backend.weight}m` })),
  }),
  v1alpha2: spec => ({ ...spec }),
}

/** Versions before v1alpha3 know no matches. */
function split(namespace: string, name: string): fc.Arbitrary<RawObject> {
  return fc
    .constantFrom(...SERVICES)
    .chain(apex => fc.record({ service: spelled(apex, namespace), backends }))
    .chain(spec =>
      fc.tuple(
        createdAt,
        fc.oneof(
          fc.constantFrom('v1alpha4', 'v1alpha3').map(version => [version, { spec }] as const),
          fc
            .tuple(fc.constantFrom('v1alpha4', 'v1alpha3'), matches)
            .map(([version, matches]) => [version, { spec: { ...spec, matches } }] as const),
          fc
            .constantFrom(...Object.entries(old))
            .map(([version, write]) => [version.split(' ')[0] ?? '', { spec: write(spec) }] as const),
        ),
      ),
    )
    .map(([born, [version, body]]) => smiObject('TrafficSplit', version, { namespace, name }, body, born))
}

export const splits: fc.Arbitrary<readonly RawObject[]> = fc
  .uniqueArray(fc.tuple(home, fc.constantFrom('canary', 'a-b', 'rollout')), {
    minLength: 1,
    maxLength: 5,
    size: 'max',
    selector: String,
  })
  .chain(names => fc.tuple(...names.map(([namespace, name]) => split(namespace, name))))
