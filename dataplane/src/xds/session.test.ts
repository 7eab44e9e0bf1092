/** Turns of a session that random histories meet too seldom to rely on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TypeUrl } from '../mesh/resource.ts'
import { Catalog } from './catalog.ts'
import type { DiscoveryRequest } from './request.ts'
import { versionOf } from './resource.ts'
import type { Response } from './response.ts'
import { openSession, type SessionEvent } from './session.ts'
import { step } from './step.ts'
import { envoyResource, group, request, scopeKey } from './testdata/make.ts'
import { typeWord } from './type-url.ts'

const { cluster, loadAssignment, listener, routeConfiguration } = TypeUrl
const SCOPE = scopeKey('shop/web')
const V1 = versionOf(Buffer.from('1'))

/** A session driven by hand; what it sends is kept in words: `clusters a b -c`. */
class Script {
  readonly catalog: Catalog
  session = openSession(SCOPE)
  ended = false
  readonly responses: Response[] = []

  constructor(logBudget?: number) {
    this.catalog = new Catalog(logBudget)
    this.catalog.commit({ put: [], remove: [], scopes: [[SCOPE, [group('all')]]] })
  }

  publish(type: TypeUrl, texts: Readonly<Record<string, string | undefined>>): void {
    const resources = Object.entries(texts).map(([name, text]) => ({
      text,
      one: envoyResource(group('all'), type, name, text ?? ''),
    }))
    const put = resources.filter(({ text }) => text !== undefined).map(({ one }) => one)
    const remove = resources.filter(({ text }) => text === undefined).map(({ one }) => one)
    this.catalog.commit({ put, remove, scopes: [] })
  }

  feed(event: SessionEvent): readonly string[] {
    const { session, send, end } = step(this.session, event, this.catalog)
    this.session = session
    this.ended = end
    this.responses.push(...send)
    return send.map(({ type, resources, removed }) => {
      const names = [...resources.map(one => one.name), ...removed.map(name => `-${name}`)]
      return [typeWord(type), ...names].join(' ')
    })
  }

  ask(type: TypeUrl, fields: Partial<DiscoveryRequest> = {}): readonly string[] {
    return this.feed({ kind: 'request', request: request(type, fields) })
  }

  push(): readonly string[] {
    return this.feed({ kind: 'revision' })
  }

  ack(type: TypeUrl): readonly string[] {
    return this.ask(type, { nonce: this.session.types[type]?.inFlight?.nonce ?? 'none' })
  }
}

test('what is asked for while it leaves is answered when its turn comes', () => {
  const here = new Script()
  here.publish(cluster, { a: '1' })
  here.publish(routeConfiguration, { r: 'to a' })
  here.ask(cluster)
  here.ack(cluster)
  here.ask(routeConfiguration, { subscribe: ['r'] })
  here.publish(cluster, { a: undefined })
  assert.deepEqual(here.push(), [], 'the route that names it is not acknowledged yet')
  assert.deepEqual(here.ask(cluster, { subscribe: ['a'] }), [])
  assert.deepEqual(here.ack(routeConfiguration), ['clusters -a'])
})

test('what is asked for while it leaves, and returns as it was, is answered all the same', () => {
  const here = new Script()
  here.publish(cluster, { a: '1' })
  here.publish(routeConfiguration, { r: 'to a' })
  here.ask(cluster)
  here.ack(cluster)
  here.ask(routeConfiguration, { subscribe: ['r'] })
  here.publish(cluster, { a: undefined })
  here.push()
  here.ask(cluster, { subscribe: ['a'] })
  here.publish(cluster, { a: '1' })
  assert.deepEqual(here.push(), ['clusters a'])
})

test('a cluster still cold from an earlier stream holds routes back though it is not told again', () => {
  const here = new Script()
  here.publish(cluster, { a: '1' })
  here.publish(loadAssignment, { a: '1' })
  here.publish(routeConfiguration, { r: 'to a' })
  assert.deepEqual(here.ask(cluster, { initialVersions: new Map([['a', V1]]) }), [])
  assert.deepEqual(here.ask(loadAssignment, { subscribe: ['a'] }), ['endpoints a'])
  assert.deepEqual(here.ask(routeConfiguration, { subscribe: ['r'] }), [])
  assert.deepEqual(here.ack(loadAssignment), ['routes r'])
})

test('a listener goes in the same response as the one that takes its address', () => {
  const here = new Script()
  here.publish(listener, { old: '127.1.0.1:80' })
  here.ask(listener)
  here.ack(listener)
  here.publish(listener, { old: undefined, new: '127.1.0.1:80' })
  assert.deepEqual(here.push(), ['listeners new -old'])
})

test('however large they are, the listeners that take addresses go with those that had them', () => {
  const here = new Script()
  const large = (port: number) => `127.1.0.1:${port} ${'x'.repeat(10_000)}`
  here.publish(listener, { old1: large(80), old2: large(81) })
  here.ask(listener)
  here.ack(listener)
  here.ack(listener)
  here.publish(listener, { old1: undefined, old2: undefined, new1: large(80), new2: large(81) })
  assert.deepEqual(here.push(), ['listeners new1 new2 -old1 -old2'])
})

test('a change that is taken back before it was told is never told', () => {
  const here = new Script()
  here.publish(cluster, { a: '1', b: '1' })
  here.ask(cluster)
  here.publish(cluster, { a: '2', b: undefined, c: '1' })
  here.publish(cluster, { a: '1', b: '1', c: undefined })
  assert.deepEqual(here.ack(cluster), [])
})

test('a rejected version that returns is not offered again', () => {
  const here = new Script()
  here.publish(cluster, { a: 'bad' })
  here.ask(cluster)
  here.ask(cluster, { nonce: here.responses[0]?.nonce ?? '', error: 'no' })
  here.publish(cluster, { a: 'good' })
  here.publish(cluster, { a: 'bad' })
  assert.deepEqual(here.push(), [])
  here.publish(cluster, { a: 'good' })
  assert.deepEqual(here.push(), ['clusters a'])
})

test('while a client rejects a route, no cluster is taken from it', () => {
  const here = new Script()
  here.publish(cluster, { old: '1' })
  here.publish(routeConfiguration, { r: 'to old' })
  here.ask(cluster)
  here.ack(cluster)
  here.ask(routeConfiguration, { subscribe: ['r'] })
  here.ack(routeConfiguration)
  here.publish(routeConfiguration, { r: 'bad' })
  here.publish(cluster, { old: undefined })
  assert.deepEqual(here.push(), ['routes r'])
  const nonce = here.session.types[routeConfiguration]?.inFlight?.nonce ?? ''
  assert.deepEqual(here.ask(routeConfiguration, { nonce, error: 'no' }), [])
  here.publish(routeConfiguration, { r: 'good' })
  assert.deepEqual(here.push(), ['routes r'])
  assert.deepEqual(here.ack(routeConfiguration), ['clusters -old'])
})

test('nonces are unique on a stream and equal for those who are told the same', () => {
  const here = new Script()
  here.publish(loadAssignment, { a: '1', b: '1' })
  here.ask(loadAssignment, { subscribe: ['a'] })
  here.ack(loadAssignment)
  for (let n = 0; n < 3; n++) {
    here.ask(loadAssignment, { subscribe: ['b'] })
    here.ack(loadAssignment)
  }
  const at = here.catalog.revision
  assert.deepEqual(
    here.responses.map(one => one.nonce),
    [`${at}`, `${at}.1`, `${at}.2`, `${at}.3`],
  )
})

test('a large answer comes in parts, and listeners wait for the last of them', () => {
  const here = new Script()
  const large = 'x'.repeat(10_000)
  here.publish(cluster, { a: large, b: large, c: large })
  here.publish(listener, { l: '1' })
  assert.deepEqual(here.ask(cluster), ['clusters a'])
  assert.deepEqual(here.ask(listener), [])
  assert.deepEqual(here.ack(cluster), ['clusters b'])
  assert.deepEqual(here.ack(cluster), ['clusters c'])
  assert.deepEqual(here.ack(cluster), ['listeners l'])
})

test('a session that lags behind what is remembered is ended', () => {
  const here = new Script(4)
  here.publish(cluster, { a: '0' })
  here.ask(cluster)
  for (let n = 1; n < 9; n++) here.publish(cluster, { a: String(n) })
  assert.deepEqual(here.push(), [])
  assert.equal(here.ended, false, 'while a response is in flight nothing is needed')
  here.ack(cluster)
  assert.equal(here.ended, true)
})

test('proxies of a workload that is no more keep what they have', () => {
  const here = new Script()
  here.publish(cluster, { a: '1' })
  here.ask(cluster)
  here.ack(cluster)
  here.catalog.commit({ put: [], remove: [], scopes: [[SCOPE, undefined]] })
  assert.deepEqual(here.push(), [])
  assert.equal(here.ended, false)
})

test('a session is not changed by a step: the same event gives the same answer again', () => {
  const here = new Script()
  here.publish(cluster, { a: '1' })
  const event: SessionEvent = { kind: 'request', request: request(cluster) }
  const before = structuredClone(here.session)
  assert.deepEqual(step(here.session, event, here.catalog), step(here.session, event, here.catalog))
  assert.deepEqual(here.session, before)
})
