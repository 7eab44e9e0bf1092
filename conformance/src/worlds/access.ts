/** TrafficTargets and IdentityBindings of made-up worlds: any version, across namespaces, dangling, and too far-reaching. */
import fc from 'fast-check'
import type { RawObject } from '../world.ts'
import { NAMESPACES } from './cast.ts'
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

const httpRule = fc.record(
  {
    kind: fc.constant('HTTPRouteGroup'),
    name: mentioned(groupName),
    matches: fc.array(mentioned(routeName), { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: ['kind', 'name'] },
)
const tcpRule = fc.record({ kind: fc.constant('TCPRoute'), name: mentioned(tcpRouteName) })
const udpRule = fc.record({ kind: fc.constant('UDPRoute'), name: fc.constant('datagrams') })

const rules = fc.array(
  fc.oneof({ weight: 5, arbitrary: httpRule }, { weight: 4, arbitrary: tcpRule }, { weight: 1, arbitrary: udpRule }),
  { minLength: 1, maxLength: 3 },
)

const source = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('ServiceAccount'), name: account, namespace }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ServiceAccount'), name: account }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('IdentityBinding'), name: mentioned(bindingName), namespace }),
  },
)

/** The namespace of a destination is mostly its own, often unsaid, and now and then one it has no say in. */
function destination(own: string) {
  const where = fc.constantFrom(
    { namespace: own },
    { namespace: own },
    { namespace: own },
    {},
    { namespace: otherNamespace(own) },
  )
  const who = fc.oneof(
    { weight: 6, arbitrary: account.map(name => ({ kind: 'ServiceAccount', name })) },
    { weight: 1, arbitrary: mentioned(bindingName).map(name => ({ kind: 'IdentityBinding', name })) },
  )
  return fc.tuple(who, where).map(([who, where]) => ({ ...who, ...where }))
}

const version = fc.constantFrom('v1alpha4', 'v1alpha3', 'v1alpha3', 'v1alpha2', 'v1alpha1')
const port = fc.constantFrom(undefined, undefined, 80, 8080, 8081)

/** v1alpha1 has everything at the top and calls its rules `specs`; it and v1alpha2 may name a port. */
function target(namespace: string, name: string): fc.Arbitrary<RawObject> {
  return fc
    .record({
      version,
      destination: destination(namespace),
      sources: fc.array(source, { minLength: 1, maxLength: 2 }),
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

const targets = fc
  .uniqueArray(fc.tuple(home, fc.constantFrom('one', 'two', 'three', 'four')), {
    maxLength: 6,
    size: 'max',
    selector: String,
  })
  .chain(names => fc.tuple(...names.map(([namespace, name]) => target(namespace, name))))

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

export const access: fc.Arbitrary<readonly RawObject[]> = fc.tuple(bindings, targets).map(parts => parts.flat())
