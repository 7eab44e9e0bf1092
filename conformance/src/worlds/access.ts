/** TrafficTargets and IdentityBindings of made-up worlds: any version, across namespaces, dangling, and too far-reaching. */
import fc from 'fast-check'
import type { RawObject } from '../world.ts'
import { CAST, NAMESPACES } from './cast.ts'
import {
  account,
  bindingName,
  groupName,
  home,
  mentioned,
  namespace,
  otherNamespace,
  routeName,
  tcpRouteName,
} from './names.ts'
import { smiObject } from './objects.ts'

const httpRule = fc
  .tuple(mentioned(groupName), fc.array(mentioned(routeName), { minLength: 1, maxLength: 2, size: 'max' }), fc.nat(2))
  .map(([name, matches, said]) => ({ kind: 'HTTPRouteGroup', name, ...(said === 0 ? { matches } : {}) }))
const tcpRule = fc.record({ kind: fc.constant('TCPRoute'), name: mentioned(tcpRouteName) })
const udpRule = fc.record({ kind: fc.constant('UDPRoute'), name: fc.constant('datagrams') })

const rules = fc.array(
  fc.oneof({ weight: 8, arbitrary: httpRule }, { weight: 2, arbitrary: tcpRule }, { weight: 1, arbitrary: udpRule }),
  { minLength: 1, maxLength: 2 },
)

const serviceAccount = (name: string, namespace: string) => ({ kind: 'ServiceAccount', name, namespace })

const source = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...CAST).map(({ account, pod }) => serviceAccount(account, pod.namespace)) },
  { weight: 1, arbitrary: fc.tuple(account, namespace).map(([name, of]) => serviceAccount(name, of)) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ServiceAccount'), name: account }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('IdentityBinding'), name: mentioned(bindingName), namespace }),
  },
)

/** The namespace of a destination is mostly its own, often unsaid, and now and then one it has no say in. */
function destination(own: string) {
  const where = fc.oneof(
    { weight: 8, arbitrary: fc.constant({ namespace: own }) },
    { weight: 2, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constant({ namespace: otherNamespace(own) }) },
  )
  const who = fc.oneof(
    { weight: 10, arbitrary: account.map(name => ({ kind: 'ServiceAccount', name })) },
    { weight: 1, arbitrary: mentioned(bindingName).map(name => ({ kind: 'IdentityBinding', name })) },
  )
  return fc.tuple(who, where).map(([who, where]) => ({ ...who, ...where }))
}

const version = fc.constantFrom('v1alpha4', 'v1alpha3', 'v1alpha3', 'v1alpha2', 'v1alpha1')
const port = fc.constantFrom(undefined, undefined, undefined, 80, 8080, 8081)

/** v1alpha1 has everything at the top and calls its rules `specs`; it and v1alpha2 may name a port. */
function target(namespace: string, name: string): fc.Arbitrary<RawObject> {
  return fc
    .record({
      version,
      destination: destination(namespace),
      sources: fc.array(source, { minLength: 1, maxLength: 3, size: 'max' }),
      rules,
      port,
    })
    .map(({ version, destination, sources, rules, port }) => {
      const early = version === 'v1alpha1' || version === 'v1alpha2'
      const narrowed = early && port !== undefined ? { ...destination, port } : destination
      const body = { destination: narrowed, sources }
      const written = version === 'v1alpha1' ? { ...body, specs: rules } : { spec: { ...body, rules } }
      return smiObject('TrafficTarget', version, { namespace, name }, written)
    })
}

const targets = fc.tuple(
  ...['one', 'two', 'three', 'four', 'five', 'six'].map(name =>
    fc
      .tuple(home, fc.nat(3))
      .chain(([namespace, exists]) => target(namespace, name).map(found => (exists === 0 ? [] : [found]))),
  ),
)

const schemes = fc.oneof(
  account.map(serviceAccount => ({ serviceAccount })),
  fc.constantFrom({ app: 'x' }, { app: 'y', version: '1' }).map(matchLabels => ({ podLabelSelector: { matchLabels } })),
  fc.tuple(namespace, account, fc.constantFrom('', 'spiffe://')).map(([namespace, account, scheme]) => ({
    spiffeIdentities: [`${scheme}cluster.local/ns/${namespace}/sa/${account}`],
  })),
)

const bindings = fc
  .tuple(
    ...NAMESPACES.map(namespace =>
      schemes.map(schemes =>
        smiObject('IdentityBinding', 'v1alpha4', { namespace, name: 'callers' }, { spec: { schemes } }),
      ),
    ),
  )
  .chain(all => fc.subarray(all))

export const access: fc.Arbitrary<readonly RawObject[]> = fc
  .tuple(bindings, targets)
  .map(([bindings, targets]) => [...bindings, ...targets.flat()])
