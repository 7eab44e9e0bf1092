/**
 * Whatever happens in whatever order, a client in the manner of Envoy ends up right and is never told a thing too
 * early.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EnvoyResource, TypeUrl } from '../mesh/resource.ts'
import { Catalog } from './catalog.ts'
import { versionOf } from './resource.ts'
import type { Response } from './response.ts'
import { openSession, type Session, type SessionEvent } from './session.ts'
import { step } from './step.ts'
import { ClientModel, type Content } from './testdata/client-model.ts'
import { envoyResource, group, scopeKey } from './testdata/make.ts'
import { PUSH_ORDER } from './type-url.ts'

const { cluster, loadAssignment, listener, routeConfiguration, secret } = TypeUrl
const SCOPE = scopeKey('shop/web')
const SERVICES = ['a', 'b', 'c']

/** A service: its listener is told to everyone, its route and clusters to those in whose scope it is. */
interface Service {
  readonly backends: readonly string[]
  readonly edits: Readonly<Record<'cluster' | 'endpoints' | 'listener' | 'route', number>>
  readonly bad: 'route' | 'cluster' | undefined
}

type Kind = keyof Service['edits']

class World {
  readonly contents = new Map<string, Content>()
  readonly services = new Map<string, Service>()
  readonly told = new Set<string>()
  readonly catalog: Catalog
  readonly client = new ClientModel(this.contents)
  secretEdit = 0
  session: Session = openSession(SCOPE)
  down: Response[] = []
  #published: ReadonlyMap<string, EnvoyResource> = new Map()
  #edit = 0

  constructor(logBudget: number) {
    this.catalog = new Catalog(logBudget)
    this.publish()
    this.connect()
  }

  next(): number {
    return ++this.#edit
  }

  /** Commits the difference between what is published and what the world now is. */
  publish(): void {
    const resources = [...this.#resources()].map(([one, content]): [string, EnvoyResource] => {
      this.contents.set(versionOf(one.value), content)
      return [`${one.group} ${one.type} ${one.name}`, one]
    })
    const is = new Map(resources)
    const remove = [...this.#published].filter(([key]) => !is.has(key)).map(([, one]) => one)
    const groups = ['all', ...[...this.told].sort().map(name => `service:${name}`), 'identity', 'workload'].map(group)
    this.catalog.commit({ put: is.values(), remove, scopes: [[SCOPE, groups]] })
    this.#published = is
  }

  connect(): void {
    this.session = openSession(SCOPE)
    this.down = []
    this.client.connect()
  }

  feed(event: SessionEvent): void {
    const { session, send, end } = step(this.session, event, this.catalog)
    for (const response of send) {
      if (this.down.some(({ type }) => type === response.type)) this.client.violations.push('two were in flight')
    }
    this.session = session
    this.down.push(...send)
    if (end) this.connect()
  }

  /** Everything delivered, everything answered, nothing left to say. */
  settle(): void {
    for (let turn = 0; turn < 500; turn++) {
      const request = this.client.up.shift()
      if (request !== undefined) this.feed({ kind: 'request', request })
      else if (this.down.length > 0) this.receive()
      else {
        this.feed({ kind: 'revision' })
        if (this.down.length === 0 && this.client.up.length === 0) return
      }
    }
    assert.fail('client and server never come to rest')
  }

  receive(): void {
    const response = this.down.shift()
    if (response !== undefined) this.client.receive(response)
  }

  *#resources(): Iterable<[EnvoyResource, Content]> {
    const make = (
      of: string,
      type: TypeUrl,
      name: string,
      edit: number,
      content: Content,
    ): [EnvoyResource, Content] => [
      envoyResource(group(of), type, name, JSON.stringify({ type, name, edit, ...content })),
      content,
    ]
    for (const [name, { backends, edits, bad }] of this.services) {
      const clusters = backends.map(backend => `${name}/${backend}`)
      const own = `service:${name}`
      yield make('all', listener, name, edits.listener, { route: name })
      yield make('all', routeConfiguration, name, 0, { clusters: [] })
      yield make(own, routeConfiguration, name, edits.route, { clusters, bad: bad === 'route' })
      for (const one of clusters) {
        const content = { endpoints: true, secret: 'identity', bad: bad === 'cluster' && one === clusters[0] }
        yield make(own, cluster, one, edits.cluster, content)
        yield make(own, loadAssignment, one, edits.endpoints, {})
      }
    }
    yield make('workload', cluster, 'application', 0, {})
    yield make('workload', listener, 'inbound', 0, { clusters: ['application'] })
    if (this.secretEdit > 0) yield make('identity', secret, 'identity', this.secretEdit, {})
  }
}

type Command = (world: World) => void

const service = fc.constantFrom(...SERVICES)
const backends = fc.subarray(['v1', 'v2', 'v3'], { minLength: 1 })
const kind = fc.constantFrom<Kind>('cluster', 'endpoints', 'listener', 'route')

function edit(world: World, name: string, change: (service: Service) => Service): void {
  const known = world.services.get(name)
  if (known !== undefined) world.services.set(name, change(known))
}

const change: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(service, backends).map(
    ([name, to]): Command =>
      world => {
        const edits = { cluster: world.next(), endpoints: 0, listener: 0, route: 0 }
        world.services.set(name, { backends: to, edits, bad: undefined })
      },
  ),
  service.map(
    (name): Command =>
      world =>
        void world.services.delete(name),
  ),
  fc.tuple(service, backends).map(
    ([name, to]): Command =>
      world =>
        edit(world, name, one => ({ ...one, backends: to })),
  ),
  fc.tuple(service, kind, fc.nat(2)).map(
    ([name, what, to]): Command =>
      world => {
        edit(world, name, one => ({ ...one, edits: { ...one.edits, [what]: to } }))
      },
  ),
  service.map(
    (name): Command =>
      world =>
        void world.told.add(name),
  ),
  service.map(
    (name): Command =>
      world =>
        void world.told.delete(name),
  ),
  fc.nat(3).map(
    (to): Command =>
      world => {
        world.secretEdit = Math.max(world.secretEdit, to)
      },
  ),
)

const spoil: fc.Arbitrary<Command> = fc
  .tuple(service, fc.constantFrom('route' as const, 'cluster' as const, undefined))
  .map(
    ([name, bad]): Command =>
      world =>
        edit(world, name, one => ({ ...one, bad })),
  )

function commands(changes: fc.Arbitrary<Command>): fc.Arbitrary<Command[]> {
  const commit = fc.tuple(fc.array(changes, { minLength: 1, maxLength: 3 }), fc.boolean()).map(
    ([many, push]): Command =>
      world => {
        for (const one of many) one(world)
        world.publish()
        if (push) world.feed({ kind: 'revision' })
      },
  )
  const deliver = fc.constantFrom<Command>(
    world => {
      const request = world.client.up.shift()
      if (request !== undefined) world.feed({ kind: 'request', request })
    },
    world => world.receive(),
    world => world.feed({ kind: 'revision' }),
  )
  const resubscribe = fc.tuple(fc.constantFrom(loadAssignment, routeConfiguration, secret), fc.nat(8)).map(
    ([type, at]): Command =>
      world => {
        const name = [...(world.client.names.get(type) ?? [])][at]
        if (name !== undefined) world.client.resubscribe(type, name)
      },
  )
  const rare = fc.constantFrom<Command>(
    world => world.connect(),
    world => atRest(world),
  )
  return fc.array(
    fc.oneof(
      { arbitrary: commit, weight: 4 },
      { arbitrary: deliver, weight: 8 },
      { arbitrary: resubscribe, weight: 1 },
      { arbitrary: rare, weight: 1 },
    ),
    { maxLength: 80, size: 'max' },
  )
}

/** "The client holds exactly subscribed ∩ scope at current versions", apart from what it refuses. */
function atRest(world: World): void {
  world.settle()
  const { client, catalog } = world
  assert.deepEqual(client.violations, [])
  const bad = (version: string | undefined) => world.contents.get(version ?? '')?.bad === true
  const refusing = [...catalog.all(SCOPE, routeConfiguration).values()].some(one => bad(one.version))
  for (const type of PUSH_ORDER) {
    const names = client.names.get(type) ?? new Set(catalog.names(SCOPE, type))
    for (const name of names) {
      const version = catalog.current(SCOPE, type, name)?.version
      if (!bad(version) && !(version === undefined && (type === secret || refusing))) {
        assert.equal(client.of(type).get(name), version, `${name} of ${type}`)
      }
    }
    const extra = [...client.of(type).keys()].filter(name => !names.has(name))
    if (!refusing) assert.deepEqual(extra, [], `left over of ${type}`)
  }
  const cold = [...client.warming].filter(name => catalog.current(SCOPE, loadAssignment, name) !== undefined)
  assert.deepEqual(cold, [], 'clusters that still warm')
}

function check(changes: fc.Arbitrary<Command>, numRuns: number): void {
  fc.assert(
    fc.property(fc.constantFrom(4, 40, 4000), commands(changes), (logBudget, all) => {
      const world = new World(logBudget)
      for (const command of all) {
        command(world)
        assert.deepEqual(world.client.violations, [])
      }
      atRest(world)
    }),
    { numRuns },
  )
}

test('a client of all five types is never told too early, twice, or the wrong thing', () => {
  check(change, 400)
})

test('a client that rejects some resources still gets all others', () => {
  check(fc.oneof({ arbitrary: change, weight: 3 }, { arbitrary: spoil, weight: 1 }), 300)
})
