import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrivateKey } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import type { Root, Validity } from './certificate.ts'
import { type AuthorityState, advance, type Circumstances, firstState, nextOf, signingOf } from './rotation.ts'

/** Lives in units of no meaning: 100 for a leaf. */
const LIFETIMES = { leafMs: 100, rootMs: 1_000, skewMs: 5 }
const DAY = 86_400_000

function maker() {
  let made = 0
  return (validity: Validity): Root => ({
    ...validity,
    id: `${++made}`,
    certificate: '',
    privateKey: new PrivateKey(''),
  })
}

function at(now: number, more: Partial<Circumstances> = {}): Circumstances {
  return { now, lifetimes: LIFETIMES, bundleHeld: true, requested: false, createRoot: maker(), ...more }
}

function roles(state: AuthorityState): string {
  return state.roots.map(({ role, root }) => `${root.id}:${role}`).join(' ')
}

test('a root is distributed, then signs, and the old one leaves when nothing it signed is left', () => {
  const createRoot = maker()
  const first = firstState('mesh.test', at(0, { createRoot }))
  assert.equal(roles(first), '1:signing')
  const distributed = advance(first, at(10, { createRoot, requested: true }))
  assert.equal(roles(distributed), '1:signing 2:next')
  const waiting = advance(distributed, at(124, { createRoot }))
  assert.equal(roles(waiting), '1:signing 2:next', 'a leaf from before the distribution may still be valid')
  const switched = advance(waiting, at(125, { createRoot }))
  assert.equal(roles(switched), '1:retiring 2:signing')
  const retiring = switched.roots[0]
  assert.ok(retiring?.role === 'retiring' && retiring.signedUntil === 249)
  assert.equal(roles(advance(switched, at(249 + 4, { createRoot }))), '1:retiring 2:signing')
  assert.equal(roles(advance(switched, at(249 + 5, { createRoot }))), '2:signing')
})

test('a new root does not sign while some connected proxy has not acknowledged it', () => {
  const createRoot = maker()
  const distributed = advance(firstState('mesh.test', at(0, { createRoot })), at(10, { createRoot, requested: true }))
  const late = advance(distributed, at(700, { createRoot, bundleHeld: false }))
  assert.equal(signingOf(late).root.id, '1')
  assert.equal(signingOf(advance(late, at(700, { createRoot }))).root.id, '2')
})

test('a root that cannot cover a whole leaf any more is followed even if a proxy never answers', () => {
  const createRoot = maker()
  let state = firstState('mesh.test', at(0, { createRoot }))
  for (let now = 0; now < 800; now += 10) state = advance(state, at(now, { createRoot, bundleHeld: false }))
  assert.equal(signingOf(state).root.id, '1')
  state = advance(state, at(800, { createRoot, bundleHeld: false }))
  assert.equal(signingOf(state).root.id, '2')
})

test('a root is replaced from half of its life on, without being asked', () => {
  const createRoot = maker()
  const first = firstState('mesh.test', at(0, { createRoot }))
  assert.equal(nextOf(advance(first, at(499, { createRoot }))), undefined)
  assert.equal(nextOf(advance(first, at(500, { createRoot })))?.root.id, '2')
})

test('an expired root is followed at once: nothing it signed can be verified', () => {
  const createRoot = maker()
  const state = advance(firstState('mesh.test', at(0, { createRoot })), at(1_000, { createRoot }))
  assert.equal(roles(state), '2:signing')
})

test('a root made while the clock was ahead is not waited for', () => {
  const createRoot = maker()
  const future = 400 * DAY
  const first = firstState('mesh.test', at(future, { createRoot }))
  assert.equal(signingOf(advance(first, at(0, { createRoot }))).root.id, '2', 'the signing root')
  const distributed = advance(firstState('mesh.test', at(0, { createRoot })), at(450, { createRoot, requested: true }))
  const [signing, next] = distributed.roots
  assert.ok(signing?.role === 'signing' && next?.role === 'next')
  const ahead = { ...distributed, roots: [signing, { ...next, root: { ...next.root, notBefore: 500 } }] }
  const replaced = advance(ahead, at(451, { createRoot }))
  assert.equal(signingOf(replaced), signing)
  assert.notEqual(nextOf(replaced)?.root.id, next.root.id)
})

test('a state with nothing to do is the same state', () => {
  const state = firstState('mesh.test', at(0))
  assert.equal(advance(state, at(1)), state)
})

/** What a control plane tells its proxies, in order. */
type Told =
  | { readonly bundle: readonly string[] }
  | { readonly leafOf: number; readonly root: string; readonly notAfter: number }

/** A mesh of a few proxies that hear of things late, over a control plane that dies at any moment. */
class Model {
  now = 0
  readonly #createRoot = maker()
  readonly #told: Told[] = []
  readonly #proxies: {
    heard: number
    bundle: readonly string[]
    leaf: { root: string; notAfter: number } | undefined
  }[]
  readonly #renewAt: number[]
  #kept: AuthorityState
  #running: AuthorityState

  constructor(proxies: number) {
    this.#kept = firstState('mesh.test', this.#circumstances(false))
    this.#running = this.#kept
    this.#proxies = Array.from({ length: proxies }, () => ({ heard: 0, bundle: [], leaf: undefined }))
    this.#renewAt = Array.from({ length: proxies }, () => 0)
    this.#tellBundle()
  }

  get root(): string {
    return signingOf(this.#running).root.id
  }

  /** A look of the issuer. `dies`: nothing is written, or it is written and not used. */
  look(dies: 'no' | 'before' | 'after', requested: boolean): void {
    const next = advance(this.#running, this.#circumstances(requested))
    if (dies !== 'before') this.#kept = next
    if (dies !== 'no') {
      this.restart()
      return
    }
    const changed = roles(next) !== roles(this.#running)
    this.#running = next
    if (changed) this.#tellBundle()
    this.#renewAt.forEach((due, proxy) => {
      if (this.now >= due) this.#issue(proxy)
    })
  }

  /** Nothing is remembered but what was written. Leaves are lost and issued anew. */
  restart(): void {
    this.#running = this.#kept
    this.#tellBundle()
    this.#renewAt.fill(0)
  }

  /** A proxy hears the next few things, or nothing, or all: in the order they were told. */
  hear(proxy: number, count: number): void {
    const listener = this.#proxies[proxy % this.#proxies.length]
    if (listener === undefined) return
    for (const told of this.#told.slice(listener.heard, listener.heard + count)) {
      listener.heard++
      if ('bundle' in told) listener.bundle = told.bundle
      else if (told.leafOf === proxy % this.#proxies.length) listener.leaf = told
    }
  }

  /** Whoever holds a valid certificate is believed by whoever holds one. */
  check(): void {
    const alive = this.#proxies.filter(({ leaf }) => leaf !== undefined && this.now < leaf.notAfter)
    for (const { leaf } of alive) {
      for (const { bundle } of alive) {
        assert.ok(
          leaf !== undefined && bundle.includes(leaf.root),
          `root ${leaf?.root} unknown to ${bundle} at ${this.now}`,
        )
      }
    }
  }

  /** As `Authority.issue`. */
  #issue(proxy: number): void {
    const { root, signedUntil } = signingOf(this.#running)
    const notAfter = Math.min(this.now + LIFETIMES.leafMs, signedUntil, root.notAfter)
    if (notAfter <= this.now) return
    this.#told.push({ leafOf: proxy, root: root.id, notAfter })
    this.#renewAt[proxy] = this.now + (notAfter - this.now) / 2
  }

  #tellBundle(): void {
    this.#told.push({ bundle: this.#running.roots.map(({ root }) => root.id) })
  }

  /** Acknowledgements are claimed to be complete at every moment: safety must not rest on them. */
  #circumstances(requested: boolean): Circumstances {
    const lifetimes = LIFETIMES
    return { now: this.now, lifetimes, bundleHeld: true, requested, createRoot: this.#createRoot }
  }
}

const PROXIES = 4
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('hear' as const),
      proxy: fc.nat(PROXIES - 1),
      count: fc.oneof(fc.nat(3), fc.constant(1_000)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      dies: fc.oneof(
        { weight: 6, arbitrary: fc.constant('no' as const) },
        fc.constantFrom('before' as const, 'after' as const),
      ),
      requested: fc.integer({ min: 0, max: 5 }).map(n => n === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

test('whoever holds a valid certificate is believed by whoever holds one, however late news travel', () => {
  let rotations = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 300, size: 'max' }), steps => {
      const model = new Model(PROXIES)
      for (const action of steps) {
        if (action.kind === 'wait') model.now += action.ms
        if (action.kind === 'hear') model.hear(action.proxy, action.count)
        if (action.kind === 'look') model.look(action.dies, action.requested)
        if (action.kind === 'restart') model.restart()
        model.check()
      }
      if (model.root !== '1') rotations++
    }),
    { numRuns: 300 },
  )
  assert.ok(rotations > 100, `roots changed in only ${rotations} of 300 runs: the property was not put to the test`)
})
