import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { forms, spoiltObject } from '../testdata/arbitrary.ts'
import { readExamples } from '../testdata/examples.ts'
import { account, binding, group, meta, split, target, tcpRoute } from '../testdata/objects.ts'
import { isSmi } from './identify.ts'
import { review, validate } from './validate.ts'

/** `path rule` of each problem. */
function problems(object: unknown): readonly string[] {
  return validate(object).map(({ path, rule }) => `${path} ${rule}`)
}

function warnings(object: unknown): readonly string[] {
  const { problems: none, warnings: found } = review(object)
  assert.deepEqual(none, [])
  return found.map(({ path, rule }) => `${path} ${rule}`)
}

function backends(...weights: readonly unknown[]): unknown {
  return { service: 'web', backends: weights.map((weight, at) => ({ service: `web-v${at}`, weight })) }
}

const destination = account('web')
const sources = [account('api')]
const rules = [{ kind: 'HTTPRouteGroup', name: 'routes' }]

describe('validate', () => {
  it('finds nothing wrong with the examples', () => {
    for (const { file, objects } of readExamples()) {
      for (const object of objects.filter(isSmi)) assert.deepEqual(validate(object), [], file)
    }
  })

  it('speaks of what is missing, of the wrong type, and empty', () => {
    assert.deepEqual(problems(split('v1alpha4', { service: '', backends: [{ service: 3 }] })), [
      'spec.service schema-minLength',
      'spec.backends[0].weight schema-required',
      'spec.backends[0].service schema-type',
    ])
    assert.deepEqual(problems(split('v1alpha4', undefined)), ['spec schema-required'])
    assert.deepEqual(problems({ ...split('v1alpha4', backends(1)), metadata: {} }), ['metadata.name name-missing'])
  })

  it('says what to do, in full sentences', () => {
    const wrong = { service: 7, backends: [{ service: 'a' }] }
    assert.deepEqual(
      validate(split('v1alpha4', wrong)).map(problem => problem.message),
      ['This is a number, where a text is asked for; put it in quotes.', '"weight" is missing; add it.'],
    )
    const found = validate(group('v1alpha4', { spec: { matches: [{ name: 'a', methods: ['get', 'FETCH'] }] } }))
    assert.equal(found[0]?.message, '"get" is not known here; write GET.')
    assert.match(found[1]?.message ?? '', /^"FETCH" is not known here; write \*, GET, .* or PATCH\.$/)
  })

  it('takes an object that is yet to be given a name', () => {
    assert.deepEqual(problems({ ...split('v1alpha4', backends(1)), metadata: { generateName: 'web-' } }), [])
  })

  it('does not judge the status, which is the mesh’s own', () => {
    assert.deepEqual(problems({ ...split('v1alpha4', backends(1)), status: { conditions: 'x', other: 1 } }), [])
  })

  it('refuses annotations that are no texts, and kept ones that cannot be read', () => {
    const route = tcpRoute('v1alpha1', {})
    assert.deepEqual(problems({ ...route, metadata: { name: 'a', annotations: { a: 1 } } }), [
      'metadata.annotations annotations-form',
    ])
    for (const text of ['[80]', '{"ports":[0]}', '{"ports":"80"}', '{', 'null']) {
      assert.deepEqual(problems({ ...route, metadata: meta({ 'smi-mesh.dev/ports': text }) }), [
        'metadata.annotations[smi-mesh.dev/ports] annotation-unreadable',
      ])
    }
  })

  it('names at most twenty problems, and cites at most a few words of each', () => {
    const routes = Array.from({ length: 5000 }, (_, at) => ({ name: `r${at}`, methods: ['x'.repeat(1000)] }))
    const found = validate(group('v1alpha4', { spec: { matches: routes } }))
    assert.equal(found.length, 1, 'a large object is told its first mistake')
    const few = validate(group('v1alpha4', { spec: { matches: routes.slice(0, 100) } }))
    assert.equal(few.length, 20)
    for (const { path, message } of few) assert.ok(path.length < 200 && message.length < 300)
  })

  it('never throws, and cites shortly, whatever it is given', () => {
    fc.assert(
      fc.property(fc.constantFrom(...forms).chain(spoiltObject), object => {
        const { problems: found, warnings: more } = review(object)
        assert.ok(found.length <= 60 && more.length <= 20)
        for (const { path, message, rule } of [...found, ...more]) {
          assert.ok(message.endsWith('.') || message.endsWith('?'), message)
          assert.ok(path.length < 200 && message.length < 400 && rule !== '')
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('validation of TrafficSplits', () => {
  it('refuses weights that are no number of a million at most', () => {
    for (const weight of [-1, '-1', 0.5, 'much', 1_000_001, '2M', true, null, {}]) {
      const [first, ...rest] = problems(split('v1alpha2', backends(1, weight)))
      assert.match(first ?? '', /^spec\.backends\[1\]\.weight /, JSON.stringify(weight))
      assert.deepEqual(rest, [])
    }
    assert.deepEqual(problems(split('v1alpha2', backends(0, 1_000_000))), [])
  })

  it('refuses weights that pass a million in thousandths', () => {
    const [problem] = validate(split('v1alpha1', backends('1500', '500m')))
    assert.equal(
      problem?.message,
      'This weight is above 1000000, counted as 1500000 because the weights of this split are not all whole; write smaller numbers of the same ratio.',
    )
  })

  it('warns of quantities outside v1alpha1, of no traffic at all, and of backends that occur twice', () => {
    assert.deepEqual(warnings(split('v1alpha1', backends('500m', '1'))), [])
    assert.deepEqual(warnings(split('v1alpha3', backends('500m', 1))), ['spec.backends[0].weight weight-quantity'])
    assert.deepEqual(warnings(split('v1alpha3', backends(0, 0))), ['spec.backends weights-zero'])
    assert.deepEqual(warnings(split('v1alpha3', { service: 'web', backends: [] })), ['spec.backends backends-empty'])
    const twice = [
      { service: 'a', weight: 1 },
      { service: 'a', weight: 2 },
    ]
    assert.deepEqual(warnings(split('v1alpha3', { service: 'web', backends: twice })), [
      'spec.backends[1].service backend-duplicate',
    ])
  })

  it('warns of matches where they have no place, and refuses others than of groups', () => {
    const matches = [{ kind: 'HTTPRouteGroup', name: 'a' }]
    const one = [{ service: 'a', weight: 1 }]
    assert.deepEqual(warnings(split('v1alpha2', { service: 'web', backends: one, matches })), [
      'spec.matches matches-version',
    ])
    const inBackend = [{ service: 'a', weight: 1, matches }]
    assert.deepEqual(warnings(split('v1alpha3', { service: 'web', backends: inBackend })), [
      'spec.backends[0].matches backend-matches',
    ])
    const foreign = [{ kind: 'HTTPRoute', name: 'a' }]
    for (const version of ['v1alpha2', 'v1alpha3', 'v1alpha4']) {
      assert.deepEqual(problems(split(version, { service: 'web', backends: one, matches: foreign })), [
        'spec.matches[0].kind schema-enum',
      ])
    }
  })

  it('warns of fields nobody knows, and guesses which were meant', () => {
    const { warnings: found } = review(
      split('v1alpha4', { service: 'web', backends: [{ service: 'a', weight: 1, wieght: 2 }] }),
    )
    assert.deepEqual(found, [
      {
        path: 'spec.backends[0].wieght',
        message: 'This version has no field "wieght" here; did you mean "weight"?',
        rule: 'field-unknown',
      },
    ])
  })
})

describe('validation of TrafficTargets', () => {
  it('refuses a destination in another namespace', () => {
    const elsewhere = { ...destination, namespace: 'payments' }
    assert.deepEqual(problems(target('v1alpha4', { spec: { destination: elsewhere, rules, sources } })), [
      'spec.destination.namespace destination-namespace',
    ])
    assert.deepEqual(problems(target('v1alpha1', { destination: elsewhere, specs: rules, sources })), [
      'destination.namespace destination-namespace',
    ])
    const own = { ...destination, namespace: 'shop' }
    assert.deepEqual(problems(target('v1alpha4', { spec: { destination: own, rules, sources } })), [])
  })

  it('takes sources of other namespaces', () => {
    const foreign = [{ ...account('api'), namespace: 'payments' }]
    assert.deepEqual(warnings(target('v1alpha4', { spec: { destination, rules, sources: foreign } })), [])
  })

  it('asks for rules and sources since v1alpha3, and warns before', () => {
    assert.deepEqual(problems(target('v1alpha3', { spec: { destination, rules: [] } })), [
      'spec.rules rules-empty',
      'spec.sources sources-empty',
    ])
    assert.deepEqual(warnings(target('v1alpha1', { destination })), ['specs rules-empty', 'sources sources-empty'])
  })

  it('refuses kinds that name nobody and nothing', () => {
    const odd = { destination: { kind: 'Group', name: 'a' }, rules: [{ kind: 'GRPCRoute', name: 'a' }], sources }
    assert.deepEqual(problems(target('v1alpha4', { spec: odd })), [
      'spec.destination.kind schema-enum',
      'spec.rules[0].kind schema-enum',
    ])
  })

  it('refuses ports that are none, and warns of one where the version has none', () => {
    for (const port of [0, 65536, '0', 'http', '99999', 1.5]) {
      for (const version of ['v1alpha2', 'v1alpha3']) {
        const spec = { destination: { ...destination, port }, rules, sources }
        assert.deepEqual(
          problems(target(version, { spec })),
          ['spec.destination.port port-range'],
          `${version} ${port}`,
        )
      }
    }
    const spec = { destination: { ...destination, port: '9091' }, rules, sources }
    assert.deepEqual(warnings(target('v1alpha3', { spec })), ['spec.destination.port destination-port'])
  })

  it('warns of chosen routes that are none', () => {
    const odd = [
      { kind: 'TCPRoute', name: 'a', matches: ['x'] },
      { kind: 'HTTPRouteGroup', name: 'a', matches: [] },
    ]
    assert.deepEqual(warnings(target('v1alpha4', { spec: { destination, rules: odd, sources } })), [
      'spec.rules[0].matches rule-matches',
      'spec.rules[1].matches rule-matches',
    ])
  })
})

describe('validation of IdentityBindings', () => {
  const podLabelSelector = { matchLabels: { app: 'a' } }

  it('refuses two schemes that exclude each other, and none', () => {
    assert.deepEqual(problems(binding({ podLabelSelector, serviceAccount: 'a' })), ['spec.schemes schemes-exclusive'])
    assert.deepEqual(problems(binding({})), ['spec.schemes schemes-empty'])
    assert.deepEqual(problems(binding({ podLabelSelector: null })), ['spec.schemes schemes-empty'])
    assert.deepEqual(problems(binding({ podLabelSelector, serviceAccount: null, spiffeIdentities: ['a/b'] })), [])
  })

  it('refuses a selector of nothing, which would select everything', () => {
    assert.deepEqual(problems(binding({ podLabelSelector: { matchLabels: {} } })), [
      'spec.schemes.podLabelSelector.matchLabels schema-minProperties',
    ])
    assert.deepEqual(problems(binding({ spiffeIdentities: [] })), ['spec.schemes.spiffeIdentities schema-minItems'])
  })

  it('writes label names as they are, shortly, in paths', () => {
    const matchLabels = { 'app.kubernetes.io/name': 1 }
    assert.deepEqual(problems(binding({ podLabelSelector: { matchLabels } })), [
      'spec.schemes.podLabelSelector.matchLabels["app.kubernetes.io/name"] schema-type',
    ])
  })
})

describe('validation of routes', () => {
  it('refuses route names that occur twice, or are missing', () => {
    const routes = [{ name: 'a' }, { name: 'a' }, {}]
    assert.deepEqual(problems(group('v1alpha4', { spec: { matches: routes } })), [
      'spec.matches[1].name route-duplicate',
      'spec.matches[2].name schema-required',
    ])
  })

  it('warns of routes in the place of another version, and of none', () => {
    assert.deepEqual(warnings(group('v1alpha4', { matches: [{ name: 'a' }] })), ['matches routes-place'])
    assert.ok(warnings(group('v1alpha2', { spec: { matches: [{ name: 'a' }] } })).includes('spec.matches routes-place'))
    assert.deepEqual(warnings(group('v1alpha4', { spec: {} })), ['spec.matches routes-empty'])
  })

  it('refuses headers that are none', () => {
    const cases: readonly (readonly [unknown, string])[] = [
      ['a: b', 'spec.matches[0].headers headers-form'],
      [['a'], 'spec.matches[0].headers headers-form'],
      [{ 'user agent': 'a' }, 'spec.matches[0].headers header-name'],
      [[{ a: 'b' }, { c: 1 }], 'spec.matches[0].headers[1] header-pattern'],
      [[{ a: 'b' }, { A: 'c' }], 'spec.matches[0].headers[1] header-duplicate'],
    ]
    for (const [headers, problem] of cases) {
      assert.deepEqual(problems(group('v1alpha4', { spec: { matches: [{ name: 'a', headers }] } })), [problem])
    }
  })

  it('refuses ports that are none, also where the version has none', () => {
    for (const version of ['v1alpha3', 'v1alpha4']) {
      assert.deepEqual(problems(tcpRoute(version, { spec: { matches: { ports: [80, 0, '81'] } } })), [
        'spec.matches.ports[1] schema-minimum',
        'spec.matches.ports[2] schema-type',
      ])
    }
  })
})
