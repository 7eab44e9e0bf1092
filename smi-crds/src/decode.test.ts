import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { forms, nulledObject, spoiltObject, withoutEveryNull } from '../testdata/arbitrary.ts'
import { readExamples, smiObjects } from '../testdata/examples.ts'
import { account, binding, decoded, group, split, target, tcpRoute } from '../testdata/objects.ts'
import { convert } from './convert.ts'
import { decode } from './decode.ts'
import { isSmi } from './identify.ts'
import { isFields, without } from './json.ts'

/** What the first SMI object of an example says, and which warnings its author gets. */
function example(file: string): readonly [unknown, readonly string[]] {
  const { object, warnings } = decoded(smiObjects(file)[0])
  return [object.spec, warnings.map(({ path, rule }) => `${path} ${rule}`)]
}

/** Their entries are the user's own: leaving one out because it is null would say something else. */
const MAPS = new Set(['headers', 'matchLabels'])

/** The object without each of its fields, and with null there instead. */
function* nulled(value: unknown, wrap = (changed: unknown) => changed): Generator<readonly [unknown, unknown]> {
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) yield* nulled(item, changed => wrap(value.with(at, changed)))
  } else if (isFields(value)) {
    for (const [name, field] of Object.entries(value)) {
      if (name === 'apiVersion' || name === 'kind' || name === 'metadata') continue
      yield [wrap(without(value, name)), wrap({ ...value, [name]: null })]
      if (!MAPS.has(name)) yield* nulled(field, changed => wrap({ ...value, [name]: changed }))
    }
  }
}

describe('decode', () => {
  it('understands every example, and warns of none outside examples/tolerated', () => {
    for (const { file, objects } of readExamples()) {
      for (const object of objects.filter(isSmi)) {
        const { warnings } = decoded(object)
        if (!file.startsWith('tolerated/')) assert.deepEqual(warnings, [], file)
      }
    }
  })

  it('takes null in a field for a field that is left out, as an API server does', () => {
    let compared = 0
    for (const object of readExamples().flatMap(({ objects }) => objects.filter(isSmi))) {
      for (const [plain, odd] of nulled(object)) {
        assert.deepEqual(decode(odd), decode(plain), JSON.stringify(odd))
        compared++
      }
    }
    assert.ok(compared > 150, `${compared} fields were compared`)
  })

  it('rejects null where an entry of a map is asked for, since without the entry more would fit', () => {
    const headers = { cookie: null, 'user-agent': '.*Firefox.*' }
    const matchLabels = { app: 'web', tier: null }
    const inMap = decode(group('v1alpha4', { spec: { matches: [{ name: 'a', headers }] } }))
    const inList = decode(group('v1alpha4', { spec: { matches: [{ name: 'a', headers: [headers] }] } }))
    const beside = decode(group('v1alpha2', { matches: [{ name: 'a', headers }] }))
    const labels = decode(binding({ podLabelSelector: { matchLabels } }))
    assert.deepEqual(
      [inMap, inList, beside, labels].map(
        answer => answer.kind === 'rejected' && answer.problems.map(({ path }) => path),
      ),
      [
        ['spec.matches[0].headers'],
        ['spec.matches[0].headers[0]'],
        ['matches[0].headers'],
        ['spec.schemes.podLabelSelector.matchLabels.tier'],
      ],
    )
  })

  it('gives metadata their defaults, and keeps what only conversion has use for to itself', () => {
    const annotations = { a: 'b', 'smi-mesh.dev/ports': '{"ports":[80]}', 'smi-mesh.dev/written-as-v1alpha4': 'x' }
    const route = { apiVersion: 'specs.smi-spec.io/v1alpha2', kind: 'TCPRoute', metadata: { name: 'a', annotations } }
    assert.deepEqual(decode(route), {
      kind: 'ok',
      warnings: [],
      object: {
        kind: 'TCPRoute',
        apiVersion: 'specs.smi-spec.io/v1alpha2',
        metadata: { name: 'a', namespace: 'default', creationTimestamp: '', generation: 0, annotations: { a: 'b' } },
        spec: { matches: { name: '', ports: [80] } },
      },
    })
  })

  it('reads a canary', () => {
    assert.deepEqual(example('canary.yaml'), [
      {
        service: 'website',
        backends: [
          { service: 'website-v1', weight: 90 },
          { service: 'website-v2', weight: 10 },
        ],
        matches: [],
      },
      [],
    ])
  })

  it('reads quantities in the ratio they stand for', () => {
    const weights = (file: string) => {
      const { object } = decoded(smiObjects(file)[0])
      return object.kind === 'TrafficSplit' ? object.spec.backends.map(backend => backend.weight) : []
    }
    assert.deepEqual(weights('versions/split-v1alpha1.yaml'), [500, 1500])
    assert.deepEqual(weights('tolerated/quantity-weights.yaml'), [1, 0, 0])
  })

  it('ignores matches of a single backend, and says so', () => {
    const [spec, warnings] = example('tolerated/matches-of-a-backend.yaml')
    assert.deepEqual(spec, {
      service: 'website',
      backends: [
        { service: 'website-v1', weight: 1 },
        { service: 'website-v2', weight: 1 },
      ],
      matches: [],
    })
    assert.deepEqual(warnings, ['spec.backends[0].matches backend-matches'])
  })

  it('reads headers in a list as it reads them in a map', () => {
    const headers = { cookie: '^(.*?;)?(type=insider)(;.*)?$', 'user-agent': '.*Android.*' }
    const matches = [{ name: 'by-two-headers', pathRegex: undefined, methods: [], headers }]
    assert.deepEqual(example('tolerated/headers-as-list.yaml'), [{ matches }, []])
    assert.deepEqual(example('versions/group-v1alpha3.yaml'), [{ matches }, []])
  })

  it('reads routes beside spec, and says so', () => {
    const headers = { 'user-agent': '.*Firefox.*' }
    const matches = [{ name: 'firefox-users', pathRegex: undefined, methods: [], headers }]
    assert.deepEqual(example('tolerated/matches-outside-spec.yaml'), [{ matches }, ['matches routes-place']])
  })

  it('prefers routes in spec to old ones beside it, which a merge patch leaves behind', () => {
    const { object } = decoded(group('v1alpha4', { matches: [{ name: 'old' }], spec: { matches: [{ name: 'new' }] } }))
    assert.deepEqual(object.kind === 'HTTPRouteGroup' && object.spec.matches.map(route => route.name), ['new'])
  })

  it('says all methods by an empty list', () => {
    const routes = [
      { name: 'a', methods: ['GET', '*'] },
      { name: 'b', methods: ['GET', 'GET'] },
      { name: 'c', pathRegex: '' },
    ]
    const { object } = decoded(group('v1alpha4', { spec: { matches: routes } }))
    assert.deepEqual(object.spec, {
      matches: [
        { name: 'a', pathRegex: undefined, methods: [], headers: {} },
        { name: 'b', pathRegex: undefined, methods: ['GET'], headers: {} },
        { name: 'c', pathRegex: undefined, methods: [], headers: {} },
      ],
    })
  })

  it('reads a destination’s port in every version, as number or text', () => {
    const destination = { kind: 'ServiceAccount', name: 'api', namespace: 'shop', port: 8080 }
    for (const file of ['versions/target-v1alpha1.yaml', 'versions/target-v1alpha2.yaml']) {
      const { object } = decoded(smiObjects(file)[0])
      assert.deepEqual(object.kind === 'TrafficTarget' && object.spec.destination, destination)
    }
    const [spec, warnings] = example('tolerated/destination-port.yaml')
    assert.deepEqual(spec, {
      destination: { kind: 'ServiceAccount', name: 'api', namespace: undefined, port: 9091 },
      sources: [{ kind: 'ServiceAccount', name: 'website', namespace: undefined, port: undefined }],
      rules: [{ kind: 'HTTPRouteGroup', name: 'api-routes', matches: undefined }],
    })
    assert.deepEqual(warnings, ['spec.destination.port destination-port'])
  })

  it('tells all routes of a group from some and from none', () => {
    const rules = [undefined, ['a'], []].map(matches => ({ kind: 'HTTPRouteGroup', name: 'g', matches }))
    const spec: unknown = JSON.parse(JSON.stringify({ destination: account('a'), sources: [account('b')], rules }))
    const { object } = decoded(target('v1alpha4', { spec }))
    const chosen = object.kind === 'TrafficTarget' ? object.spec.rules.map(rule => rule.matches) : []
    assert.deepEqual(chosen, [undefined, ['a'], []])
  })

  it('lets a stored TrafficTarget without rules or sources allow nothing', () => {
    const { object, warnings } = decoded(target('v1alpha4', { spec: { destination: account('a'), rules: [] } }))
    assert.deepEqual(object.kind === 'TrafficTarget' && [object.spec.rules, object.spec.sources], [[], []])
    assert.ok(warnings.some(({ rule }) => rule === 'rules-empty'))
  })

  it('takes stored routes by the same name for alternatives', () => {
    const { object, warnings } = decoded(group('v1alpha4', { spec: { matches: [{ name: 'a' }, { name: 'a' }] } }))
    assert.equal(object.kind === 'HTTPRouteGroup' && object.spec.matches.length, 2)
    assert.deepEqual(
      warnings.map(({ rule }) => rule),
      ['route-duplicate'],
    )
  })

  it('reads a TCPRoute without ports as all ports in all forms', () => {
    const written = [
      tcpRoute('v1alpha1', {}),
      tcpRoute('v1alpha3', { spec: {} }),
      tcpRoute('v1alpha4', {}),
      tcpRoute('v1alpha4', { spec: {} }),
      tcpRoute('v1alpha4', { spec: { matches: {} } }),
      tcpRoute('v1alpha4', { spec: { matches: { ports: [] } } }),
    ]
    for (const route of written) assert.deepEqual(decoded(route).object.spec, { matches: { name: '', ports: [] } })
  })

  it('reads an IdentityBinding', () => {
    assert.deepEqual(example('identity-binding.yaml')[0], {
      schemes: {
        podLabelSelector: { matchLabels: { app: 'reporting' } },
        spiffeIdentities: ['example.org/batch/reporting'],
        serviceAccount: undefined,
      },
    })
    assert.deepEqual(decoded(binding({ serviceAccount: 'a', podLabelSelector: null })).object.spec, {
      schemes: { podLabelSelector: undefined, spiffeIdentities: [], serviceAccount: 'a' },
    })
  })

  it('rejects what opens another namespace, or more than can be read', () => {
    const spec = {
      destination: { ...account('a'), namespace: 'other' },
      rules: [{ kind: 'TCPRoute', name: 'a' }],
      sources: [account('b')],
    }
    assert.equal(decode(target('v1alpha4', { spec })).kind, 'rejected')
    const unreadable = { 'smi-mesh.dev/destination-port': 'http' }
    const own = { ...spec, destination: account('a') }
    assert.equal(decode(target('v1alpha4', { spec: own }, unreadable)).kind, 'rejected')
  })

  it('rejects an object without a name, which nothing could be said of', () => {
    const { metadata: _named, ...rest } = split('v1alpha4', { service: 'a', backends: [] })
    assert.equal(decode({ ...rest, metadata: { generateName: 'a-' } }).kind, 'rejected')
  })
})

describe('decode of anything', () => {
  it('means what an object means without its nulls', () => {
    fc.assert(
      fc.property(fc.constantFrom(...forms).chain(nulledObject), object => {
        const [odd, plain] = [decode(object), decode(withoutEveryNull(object))]
        assert.equal(odd.kind, plain.kind)
        if (odd.kind === 'ok' && plain.kind === 'ok') assert.deepEqual(odd.object, plain.object)
      }),
      { numRuns: 500 },
    )
  })

  it('answers for every JSON value, the same each time', () => {
    fc.assert(fc.property(fc.jsonValue(), value => decode(value).kind === 'rejected'))
    fc.assert(
      fc.property(fc.constantFrom(...forms).chain(spoiltObject), object => {
        const answer = decode(object)
        assert.deepEqual(decode(structuredClone(object)), answer)
        assert.ok(answer.kind === 'ok' || answer.problems.length > 0)
      }),
      { numRuns: 500 },
    )
  })

  it('answers for values nested deeper than the stack reaches, and converts them', () => {
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)
    const headers = group('v1alpha4', { spec: { matches: [{ name: 'a', headers: deep }] }, note: deep })
    assert.equal(decode(headers).kind, 'rejected')
    for (const version of ['v1alpha1', 'v1alpha2', 'v1alpha3']) {
      assert.equal(convert(headers, version).kind, 'converted')
    }
    assert.equal(decode(split('v1alpha2', { service: 'a', backends: [], matches: deep })).kind, 'rejected')
    assert.equal(decode(group('v1alpha2', { spec: deep, matches: [] })).kind, 'ok')
  })

  it('cites little of a pattern of ten megabytes, and loses none of it', () => {
    const pathRegex = 'a'.repeat(10_000_000)
    const { object } = decoded(group('v1alpha1', { matches: [{ name: 'a', pathRegex }] }))
    assert.equal(object.kind === 'HTTPRouteGroup' && object.spec.matches[0]?.pathRegex?.length, 10_000_000)
    const rejected = decode(group('v1alpha1', { matches: [{ name: 'a', methods: [pathRegex], [pathRegex]: 1 }] }))
    assert.ok(JSON.stringify(rejected).length < 2000)
  })

  it('answers for a hundred thousand mistakes with a few', () => {
    const backends = Array.from({ length: 100_000 }, () => ({ service: 1, weight: 'x', other: 1 }))
    const answer = decode(split('v1alpha1', { service: 'a', backends }))
    assert.equal(answer.kind === 'rejected' && answer.problems.length <= 21, true)
  })
})
