/** What somebody may save by mistake: the file, and what must be said of it. */
import assert from 'node:assert/strict'
import { policy } from './living-mesh.ts'

export interface Mistake {
  readonly what: string
  /** The file it is saved in. `policy.yaml` replaces what was good. */
  readonly file: string
  readonly text: string
  readonly object: string
  readonly field: string
  readonly reason: string
  /** What the namespace `shop` keeps: everything as it was, or whatever the mistake leaves. */
  readonly shop: 'as it was' | 'changed'
}

/** All that is good, before one of these is made. */
export const SHOP = policy('shop')
const GROUP = 'HTTPRouteGroup shop/pages'
const SPLIT = 'TrafficSplit shop/canary'
const TARGET = 'TrafficTarget shop/visits'
export const SECOND_SPLIT = `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: second, namespace: shop }
spec: { service: web, backends: [{ service: web-v2, weight: 1 }] }
`

/** The good policy with one text replaced; that it is there is part of the test. */
export function spoilt(text: string, by: string): string {
  assert.ok(SHOP.includes(text), text)
  return SHOP.replace(text, by)
}

const inPolicy = (what: string, text: string, rest: Omit<Mistake, 'what' | 'text' | 'file'>): Mistake => ({
  what,
  file: 'policy.yaml',
  text,
  ...rest,
})
const refused = { reason: 'SchemaViolation', shop: 'as it was' } as const
const used = { shop: 'changed' } as const

export const MISTAKES: readonly Mistake[] = [
  {
    what: 'a kind that SMI does not have',
    file: 'extra.yaml',
    text: SECOND_SPLIT.replace('TrafficSplit', 'TrafficRouter'),
    object: 'TrafficRouter.split.smi-spec.io shop/second',
    field: 'kind',
    reason: 'UnknownKind',
    shop: 'as it was',
  },
  {
    what: 'a kind that is a word of the language we are written in',
    file: 'extra.yaml',
    text: SECOND_SPLIT.replace('TrafficSplit', 'constructor'),
    object: 'constructor.split.smi-spec.io shop/second',
    field: 'kind',
    reason: 'UnknownKind',
    shop: 'as it was',
  },
  inPolicy('a version that SMI does not have', spoilt('split.smi-spec.io/v1alpha4', 'split.smi-spec.io/v9'), {
    object: SPLIT,
    field: 'apiVersion',
    ...refused,
  }),
  inPolicy('an expression that RE2 refuses', spoilt('/home', '(?=/home)'), {
    object: GROUP,
    field: 'spec.matches[0].pathRegex',
    reason: 'RegexRefused',
    ...used,
  }),
  inPolicy('the same route name twice', spoilt('methods: [GET] }', 'methods: [GET] }\n    - { name: home }'), {
    object: GROUP,
    field: 'spec.matches[1].name',
    reason: 'DuplicateName',
    ...used,
  }),
  inPolicy('a negative weight', spoilt('weight: 90', 'weight: -1'), {
    object: SPLIT,
    field: 'spec.backends[0].weight',
    ...refused,
  }),
  inPolicy('a weight that is half a number', spoilt('weight: 90', 'weight: 0.00001'), {
    object: SPLIT,
    field: 'spec.backends[0].weight',
    ...refused,
  }),
  inPolicy('a backend that does not exist', spoilt('web-v2, weight', 'web-v3, weight'), {
    object: SPLIT,
    field: 'spec.backends[1].service',
    reason: 'BackendNotFound',
    ...used,
  }),
  inPolicy('a route group that does not exist', spoilt('name: pages, matches', 'name: gone, matches'), {
    object: TARGET,
    field: 'spec.rules[0].name',
    reason: 'RouteNotFound',
    ...used,
  }),
  inPolicy('a match that the group does not have', spoilt('matches: [home]', 'matches: [gone]'), {
    object: TARGET,
    field: 'spec.rules[0].matches[0]',
    reason: 'MatchNotFound',
    ...used,
  }),
  inPolicy('a service account that does not exist', spoilt('name: client, namespace', 'name: gone, namespace'), {
    object: TARGET,
    field: 'spec.sources[0].name',
    reason: 'ServiceAccountNotFound',
    ...used,
  }),
  {
    what: 'a second split of the same service',
    file: 'extra.yaml',
    text: SECOND_SPLIT,
    object: 'TrafficSplit shop/second',
    field: 'spec.service',
    reason: 'Conflicted',
    shop: 'as it was',
  },
]
