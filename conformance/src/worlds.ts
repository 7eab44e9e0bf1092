/**
 * Made-up worlds for fast-check: small, mostly sensible, and dangling, conflicting or written in an old version often enough.
 * The cast is fixed (see `worlds/cast.ts`); everything said about it is not.
 */
import fc from 'fast-check'
import { DEFAULT_WORLD_CONFIG, type RawObject, type World, type WorldConfig } from './world.ts'
import { access } from './worlds/access.ts'
import { ACCOUNTS, CAST, type CastMember, clusterIp, NAMESPACES, POD_PORTS, SERVICES } from './worlds/cast.ts'
import { accountObject, namespaceObject, type PortOptions, podObject, serviceObject } from './worlds/objects.ts'
import { routes } from './worlds/routes.ts'
import { splits } from './worlds/splits.ts'

/** Mostly enforced: that is where something is decided. */
const annotations = fc.oneof(
  { weight: 10, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ 'smi-mesh.dev/access': 'permissive' }) },
  { weight: 1, arbitrary: fc.constant({ 'smi-mesh.dev/access': 'audit' }) },
  { weight: 1, arbitrary: fc.constant({ 'smi-mesh.dev/access': 'enforce', 'smi-mesh.dev/unidentified': 'allow' }) },
  { weight: 1, arbitrary: fc.constant({ 'smi-mesh.dev/access': 'permissive', 'smi-mesh.dev/unidentified': 'deny' }) },
)

function pod(member: CastMember): fc.Arbitrary<RawObject> {
  return fc
    .record({ app: often('x', 'y'), version: fc.constantFrom('1', '2'), ready: often(true, true, false) })
    .map(({ ready, ...labels }) => podObject(member.pod, { ...member, labels, ready, ports: POD_PORTS }))
}

/** A Service and its two versions as everybody writes them, mostly; else whatever. */
const USUAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  web: { app: 'x' },
  'web-v1': { version: '1' },
  'web-v2': { version: '2' },
}

function selector(service: string): fc.Arbitrary<Readonly<Record<string, string>>> {
  const some = fc.record({ app: fc.constantFrom('x', 'y'), version: fc.constantFrom('1', '2') }, { requiredKeys: [] })
  return fc.oneof({ weight: 4, arbitrary: fc.constant(USUAL[service] ?? {}) }, { weight: 1, arbitrary: some })
}

/** The port a client uses decides what may be behind it, so that no Service contradicts another about a pod's port. */
const ports: fc.Arbitrary<readonly PortOptions[]> = fc
  .record({
    80: often<PortOptions | undefined>(
      { port: 80, targetPort: 'main', name: 'http' },
      { port: 80, targetPort: 8080, name: 'http-main' },
      undefined,
    ),
    8080: fc.constantFrom<PortOptions | undefined>(
      undefined,
      { port: 8080, targetPort: 8081, name: 'side' },
      { port: 8080, targetPort: 'side', name: 'side', appProtocol: 'http' },
    ),
    9000: often<PortOptions | undefined>(undefined, { port: 9000, targetPort: 'bytes', name: 'tcp' }),
  })
  .map(chosen => Object.values(chosen).filter(port => port !== undefined))
  .map(chosen => (chosen.length > 0 ? chosen : [{ port: 80, targetPort: 8080, name: 'http' }]))

/** Most Services exist, so that what names them mostly resolves. */
const services: fc.Arbitrary<readonly RawObject[]> = fc
  .tuple(
    ...NAMESPACES.flatMap(namespace =>
      SERVICES.map(name =>
        fc
          .record({ selector: selector(name), ports, exists: often(true, true, false) })
          .map(({ selector, ports, exists }) =>
            exists ? [serviceObject({ namespace, name }, clusterIp({ namespace, name }), selector, ports)] : [],
          ),
      ),
    ),
  )
  .map(found => found.flat())

/** Worlds under one set of choices for the whole mesh. */
export function worlds(config: WorldConfig = DEFAULT_WORLD_CONFIG): fc.Arbitrary<World> {
  return fc
    .tuple(
      fc.tuple(...NAMESPACES.map(name => annotations.map(said => namespaceObject(name, said)))),
      fc.constant(NAMESPACES.flatMap(namespace => ACCOUNTS.map(name => accountObject({ namespace, name })))),
      fc.tuple(...CAST.map(pod)),
      services,
      routes,
      splits,
      access,
    )
    .map(parts => ({ config, objects: parts.flat() }))
}

/** Three times out of four the first. */
function often<T>(first: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(first) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
}
