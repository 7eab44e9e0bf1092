/** Random SMI objects: valid ones of every kind and version, in all the forms they may be written in, and spoilt ones. */

import fc from 'fast-check'
import { type Fields, isFields } from '../src/json.ts'
import { apiVersionOf, KINDS, type KindName, type SmiKind, type Version } from '../src/kinds.ts'

type Any = fc.Arbitrary<unknown>

/** A kind with one of its versions. */
export interface Form {
  readonly info: SmiKind
  readonly version: Version
}

export const forms: readonly Form[] = KINDS.flatMap(info => info.versions.map(version => ({ info, version })))

const name = fc.constantFrom('web', 'web-v1', 'web-v2', 'api', 'db')
const namespace = fc.constantFrom('shop', 'payments')
const port = fc.integer({ min: 1, max: 65535 })

/** Some of the optional fields, and all of the required ones. */
function fields(
  required: Readonly<Record<string, Any>>,
  optional: Readonly<Record<string, Any>> = {},
): fc.Arbitrary<Fields> {
  const keys = Object.keys(required)
  return fc.record({ ...required, ...optional }, { requiredKeys: keys })
}

function list(item: Any, minLength = 0): Any {
  return fc.array(item, { minLength, maxLength: 3 })
}

/** Small enough to be valid when a fraction beside it makes it count in thousandths. */
const quantity = fc.oneof(
  fc.nat(900),
  fc.nat(900).map(String),
  fc.constantFrom('500m', '0m', '1000m', '0.5', '1.', '.25', '+3', '1e2', '15e1', '1500m', '0.2k', '1u', '250000u'),
)

function backends(version: Version): Any {
  const whole = version === 'v1alpha1' ? fc.nat(1_000_000).map(String) : fc.nat(1_000_000)
  const of = (weight: Any) => fc.array(fields({ service: name, weight }), { maxLength: 3 })
  return fc.oneof(of(whole), of(quantity))
}

function split(version: Version): Any {
  const matches = list(
    fields({ kind: fc.constant('HTTPRouteGroup'), name }, { apiGroup: fc.constant('specs.smi-spec.io') }),
  )
  const spec = fields({ service: name, backends: backends(version) }, version < 'v1alpha3' ? {} : { matches })
  return fields({ spec })
}

function subject(version: Version, destination: boolean): Any {
  const kind = fc.constantFrom('ServiceAccount', 'IdentityBinding')
  const ports = version < 'v1alpha3' ? port : fc.oneof(port, port.map(String))
  const group = version === 'v1alpha4' ? { group: fc.constant('access.smi-spec.io') } : {}
  return fields({ kind, name }, { namespace: destination ? fc.constant('shop') : namespace, port: ports, ...group })
}

function target(version: Version): Any {
  const matches = list(name)
  const rule = fields({ kind: fc.constantFrom('HTTPRouteGroup', 'TCPRoute', 'UDPRoute'), name }, { matches })
  const least = version < 'v1alpha3' ? 0 : 1
  const rules = list(rule, least)
  const sources = list(subject(version, false), least)
  const destination = subject(version, true)
  if (version === 'v1alpha1') return fields({ destination }, { specs: rules, sources })
  if (version === 'v1alpha2') return fields({ spec: fields({ destination }, { rules, sources }) })
  const beside = { destination: fc.constant('stray'), sources, specs: fc.constant([]) }
  return fields({ spec: fields({ destination, rules, sources }, { note: fc.constant('kept') }) }, beside)
}

const pattern = fc.constantFrom('/', '/metrics', '.*', '^(.*?;)?(type=insider)(;.*)?$')
const headerMap = fc.dictionary(fc.constantFrom('cookie', 'User-Agent', 'x-canary', 'constructor'), pattern, {
  maxKeys: 3,
})
const headers = fc.oneof(
  headerMap,
  headerMap.map(map => Object.entries(map).map(([key, value]) => ({ [key]: value }))),
)

function routes(version: Version): Any {
  const method = fc.constantFrom('*', 'GET', 'POST', 'PUT')
  const plain = { pathRegex: pattern, methods: list(method) }
  return list(fields({ name }, version === 'v1alpha1' ? plain : { ...plain, headers }))
}

function group(version: Version): Any {
  const matches = routes(version)
  return version < 'v1alpha3'
    ? fields({}, { matches })
    : fields({}, { spec: fields({}, { matches }), matches, note: name })
}

function ports(): Any {
  return fields({}, { spec: fields({}, { matches: fields({}, { name, ports: list(port) }) }) })
}

function tcpRoute(version: Version): Any {
  if (version === 'v1alpha4') return ports()
  return version === 'v1alpha3' ? fields({}, { spec: fc.constant({}) }) : fields({})
}

function binding(): Any {
  const byLabel = fields({ podLabelSelector: fields({ matchLabels: fc.constant({ app: 'web' }) }) })
  const byAccount = fields({ serviceAccount: name }, { podLabelSelector: fc.constant(null) })
  const byIdentity = fields({ spiffeIdentities: list(fc.constant('cluster.local/ns/shop/sa/web'), 1) })
  return fields({ spec: fields({ schemes: fc.oneof(byLabel, byAccount, byIdentity) }) })
}

const bodies: Readonly<Record<KindName, (version: Version) => Any>> = {
  TrafficSplit: split,
  TrafficTarget: target,
  IdentityBinding: binding,
  HTTPRouteGroup: group,
  TCPRoute: tcpRoute,
  UDPRoute: ports,
}

const metadata = fields(
  { name, namespace: fc.constant('shop') },
  {
    annotations: fc.dictionary(fc.constantFrom('a', 'example.org/note'), fc.string(), { minKeys: 1, maxKeys: 2 }),
    labels: fc.constant({ app: 'web' }),
    generation: fc.nat(9),
    creationTimestamp: fc.constant('2024-05-01T10:00:00Z'),
  },
)
const status = fields({ conditions: fc.constant([{ type: 'Accepted', status: 'True' }]) })

/** A valid object of that kind and version. */
export function validObject({ info, version }: Form): fc.Arbitrary<Fields> {
  const head = { apiVersion: fc.constant(apiVersionOf(info, version)), kind: fc.constant(info.kind), metadata }
  return fc
    .tuple(fields(head, { status }), bodies[info.kind](version))
    .map(([common, body]) => asParsed({ ...common, ...(isFields(body) ? body : {}) }))
}

/** As if it had been read from text: fast-check's own objects have no prototype, which comparisons would notice. */
function asParsed(object: Fields): Fields {
  const parsed: unknown = JSON.parse(JSON.stringify(object))
  return isFields(parsed) ? parsed : {}
}

/** Whatever JSON may hold, with the words that our code looks for among it. */
const anything: Any = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(null, [], {}, '', 0, -1, 0.5, 1e300, '500m', 'x', true, '__proto__', [null], {
    ports: null,
  }),
  fc.constantFrom<unknown>({ matches: [{ name: 'a', headers: [{ a: 1 }] }] }, [{ kind: 'HTTPRouteGroup', name: 'a' }]),
)

/** The places of a JSON value, as lists of keys. */
function places(value: unknown): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [[]]
  return [[], ...Object.entries(value).flatMap(([key, field]) => places(field).map(place => [key, ...place]))]
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((item, at) => (String(at) === key ? replaced(item, rest, by) : item))
  return isFields(value) ? { ...value, [key]: replaced(value[key], rest, by) } : value
}

/** Their entries are the user's own: leaving one out because it is null would say something else. */
const maps = new Set(['headers', 'matchLabels', 'annotations', 'labels'])

/** The places of a value where an object has a field, those of maps excepted. */
function fieldPlaces(value: unknown): readonly (readonly string[])[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => fieldPlaces(item).map(place => [String(at), ...place]))
  if (!isFields(value)) return []
  return Object.entries(value).flatMap(([key, field]) => [
    [key],
    ...(maps.has(key) ? [] : fieldPlaces(field).map(place => [key, ...place])),
  ])
}

/** The object without those of its fields that are null. */
export function withoutEveryNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEveryNull)
  if (!isFields(value)) return value
  const kept = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(kept.map(([key, field]) => [key, maps.has(key) ? field : withoutEveryNull(field)]))
}

const optionalNames = [
  'spec',
  'matches',
  'rules',
  'specs',
  'sources',
  'namespace',
  'port',
  'ports',
  'headers',
  'apiGroup',
]

/** A valid object, with null in some of the fields that it has or might have. */
export function nulledObject(form: Form): fc.Arbitrary<Fields> {
  const added = fc.record({ at: fc.nat(), name: fc.constantFrom(...optionalNames) })
  return fc
    .tuple(validObject(form), fc.array(added, { maxLength: 3 }), fc.array(fc.nat(), { maxLength: 3 }))
    .map(([object, additions, emptied]) => {
      const { apiVersion, kind, metadata, ...whole } = object
      const body = additions.reduce<unknown>((value, { at, name }) => withNull(value, at, name), whole)
      const changed = emptied.reduce((value, at) => {
        const all = fieldPlaces(value)
        return all.length === 0 ? value : replaced(value, all[at % all.length] ?? [], null)
      }, body)
      return { apiVersion, kind, metadata, ...(isFields(changed) ? changed : {}) }
    })
}

/** With a field more, in one of the objects in it, unless it has that field. */
function withNull(value: unknown, at: number, name: string): unknown {
  const objects = [[], ...fieldPlaces(value)].filter(place => isFields(lookedUp(value, place)))
  const place = objects[at % objects.length] ?? []
  const object = lookedUp(value, place)
  const inMap = place.some(key => maps.has(key))
  return isFields(object) && !inMap && !Object.hasOwn(object, name) ? replaced(value, [...place, name], null) : value
}

function lookedUp(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) return value
  if (Array.isArray(value)) return lookedUp(value[Number(key)], rest)
  return isFields(value) ? lookedUp(value[key], rest) : undefined
}

const heldNames = ['matches', 'headers', 'ports', 'destination-port', 'written-as-v1alpha1', 'written-as-v1alpha4']
const heldText = fc.oneof(
  anything.map(value => JSON.stringify(value)),
  fc.constantFrom('9091', '[', '{"ports":[80]}', '[]'),
)
const heldAnnotations = fc.dictionary(fc.constantFrom(...heldNames.map(each => `smi-mesh.dev/${each}`)), heldText)

/** A valid object with some of its values replaced by others, fields added, and annotations of conversion forged. */
export function spoiltObject(form: Form): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), by: anything })
  const extra = fc.dictionary(fc.constantFrom('spec', 'matches', 'specs', 'sources', 'destination', 'x'), anything, {
    maxKeys: 1,
  })
  return fc
    .tuple(validObject(form), extra, fc.option(heldAnnotations, { freq: 3 }), fc.array(change, { maxLength: 3 }))
    .map(([object, added, annotations, changes]) => {
      const forged = annotations === null ? {} : { metadata: { name: 'web', namespace: 'shop', annotations } }
      return changes.reduce<unknown>(
        (spoilt, { at, by }) => {
          const all = places(spoilt)
          return replaced(spoilt, all[at % all.length] ?? [], by)
        },
        { ...object, ...added, ...forged },
      )
    })
}
