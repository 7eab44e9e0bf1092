/**
 * What somebody may save by mistake: nothing throws, what is wrong is named by file, object and field, nobody else notices,
 * and what was good stays in force.
 */
import assert from 'node:assert/strict'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { run } from '../src/cli/run.ts'
import type { Remark } from '../src/cli/validate.ts'
import { findingText } from '../src/finding-text.ts'
import { LivingMesh, policy } from './living-mesh.ts'

/** What `smictl validate -o json` says of a folder. */
async function validated(folder: string): Promise<readonly Remark[]> {
  let text = ''
  await run(['validate', '-o', 'json', folder], {
    write: part => {
      text += part
    },
    complain: () => {},
    terminal: { isInteractive: false, columns: 120 },
    env: {},
    ended: new AbortController().signal,
    installation: folder,
    node: process.execPath,
    temporary: tmpdir(),
    pid: process.pid,
    uid: 0,
    version: '',
    clock: Date.now,
    now: () => performance.now(),
  })
  const remarks: readonly Remark[] = JSON.parse(text)
  return remarks
}

interface Mistake {
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

const SHOP = policy('shop')
const GROUP = 'HTTPRouteGroup shop/pages'
const SPLIT = 'TrafficSplit shop/canary'
const TARGET = 'TrafficTarget shop/visits'
const SECOND_SPLIT = `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: second, namespace: shop }
spec: { service: web, backends: [{ service: web-v2, weight: 1 }] }
`

/** The good policy with one text replaced; that it is there is part of the test. */
function spoilt(text: string, by: string): string {
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

const MISTAKES: readonly Mistake[] = [
  {
    what: 'a kind that SMI does not have',
    file: 'extra.yaml',
    text: SECOND_SPLIT.replace('TrafficSplit', 'TrafficSplat'),
    object: 'TrafficSplat.split.smi-spec.io shop/second',
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

let mesh: LivingMesh
let calm: ReadonlyMap<string, string>
let shop: ReadonlyMap<string, string>

beforeEach(async () => {
  mesh = await LivingMesh.start()
  calm = mesh.resources('calm')
  shop = mesh.resources('shop')
  assert.ok(calm.size > 20 && shop.size > 20, 'There is something to lose.')
  assert.deepEqual(mesh.plane.findings(), [])
})
afterEach(async () => {
  await mesh.stop()
})

/** The control plane still follows edits, and what nobody touched is byte for byte as it was. */
async function isWellApartFrom(shopKeeps: 'as it was' | 'changed'): Promise<void> {
  assert.deepEqual(mesh.resources('calm'), calm)
  if (shopKeeps === 'as it was') assert.deepEqual(mesh.resources('shop'), shop)
  mesh.save('zz-probe.yaml', SECOND_SPLIT.replaceAll('shop', 'probe').replaceAll('second', 'probe'))
  await mesh.until('a later file is read', () => mesh.findings('TrafficSplit probe/probe').length > 0)
  assert.deepEqual(mesh.resources('calm'), calm)
}

describe('an object that is wrong is named, and nobody else notices:', () => {
  for (const { what, file, text, object, field, reason, shop } of MISTAKES) {
    test(what, async () => {
      mesh.save(file, text)
      await mesh.until(`${object}: ${field}: ${reason}`, () =>
        mesh.findings(object).some(found => found.field === field && found.reason === reason),
      )
      const found = mesh.findings(object).find(one => one.field === field)
      assert.ok(found !== undefined)
      const said = findingText(found, mesh.plane.originOf(found.about))
      assert.ok(said.startsWith(`${mesh.path(file)}:`) && said.includes(object) && said.includes(field), said)
      const remarks = await validated(mesh.folder)
      const remark = remarks.find(one => one.object === object && one.field === field)
      assert.match(remark?.at ?? JSON.stringify(remarks), new RegExp(`/${file}:\\d+$`))
      await isWellApartFrom(shop)
    })
  }
})

test('of an object that stands twice, the first by file name stays, and the other is named by file and line', async () => {
  mesh.save('twice.yaml', SHOP.replace('weight: 90', 'weight: 1'))
  await mesh.until('the duplicate is named', () =>
    mesh.plane.sourceProblems().some(({ message }) => message.includes(SPLIT)),
  )
  const [problem] = mesh.plane.sourceProblems()
  assert.equal(problem?.file, mesh.path('twice.yaml'))
  assert.match(problem?.where ?? '', /^line \d+$/)
  assert.ok((await validated(mesh.folder)).some(({ at }) => at.startsWith(`${mesh.path('twice.yaml')}, line `)))
  await isWellApartFrom('as it was')
})

test('of a file that is no YAML nothing is taken, not even its good part', async () => {
  mesh.save('policy.yaml', `${SHOP.replace('weight: 90', 'weight: 1')}---\nkind: [Traffic\n`)
  await mesh.until('the file is named', () => mesh.plane.sourceProblems().length > 0)
  const [problem] = mesh.plane.sourceProblems()
  assert.equal(problem?.file, mesh.path('policy.yaml'))
  assert.match(problem?.where ?? '', /^line \d+, column \d+$/)
  assert.ok((await validated(mesh.folder)).some(({ at }) => at.startsWith(`${mesh.path('policy.yaml')}, line `)))
  await isWellApartFrom('as it was')
  mesh.save('policy.yaml', SHOP)
  await mesh.until('all is well again', () => mesh.plane.sourceProblems().length === 0)
})

test('an object without a name is named by file, line and field', async () => {
  mesh.save('policy.yaml', spoilt('{ name: canary, namespace: shop }', '{ namespace: shop }'))
  await mesh.until('the file is named', () => mesh.plane.sourceProblems().length > 0)
  assert.match(mesh.plane.sourceProblems()[0]?.where ?? '', /^line \d+, metadata\.name$/)
  await isWellApartFrom('as it was')
})

test('a file that is deleted takes its own objects away, and nothing else', async () => {
  rmSync(mesh.path('policy.yaml'))
  await mesh.until(
    'the objects are gone',
    () => !mesh.plane.subjects().some(({ ref }) => ref.name === 'canary' && ref.namespace === 'shop'),
  )
  await mesh.until('access is denied again', () => mesh.resources('shop').size < shop.size)
  await isWellApartFrom('changed')
})

describe('a folder that cannot be read says nothing about its objects:', () => {
  const ways: readonly [string, () => void][] = [
    ['it is gone', () => {}],
    ['there is a file in its place', () => writeFileSync(mesh.folder, '')],
    ['there is a link to nothing in its place', () => symlinkSync('/nowhere/at/all', mesh.folder)],
    ['there is a link to itself in its place', () => symlinkSync(mesh.folder, mesh.folder)],
  ]
  for (const [how, put] of ways) {
    test(how, async () => {
      const aside = `${mesh.folder}-aside`
      renameSync(mesh.folder, aside)
      try {
        put()
        await mesh.until('the folder is named', () =>
          mesh.plane.sourceProblems().some(({ file }) => file === mesh.folder),
        )
        assert.match(mesh.plane.sourceProblems()[0]?.message ?? '', /last good state stays/)
        assert.deepEqual(mesh.resources('calm'), calm)
        assert.deepEqual(mesh.resources('shop'), shop)
      } finally {
        rmSync(mesh.folder, { force: true })
        renameSync(aside, mesh.folder)
      }
      await mesh.until('all is well again', () => mesh.plane.sourceProblems().length === 0)
      await isWellApartFrom('as it was')
    })
  }
})

/** The longest time in which nobody was answered. */
class Pulse {
  #longest = 0
  #last = performance.now()
  readonly #timer = setInterval(() => this.#beat(), 5)

  #beat(): void {
    const now = performance.now()
    this.#longest = Math.max(this.#longest, now - this.#last)
    this.#last = now
  }

  end(): number {
    this.#beat()
    clearInterval(this.#timer)
    return this.#longest
  }
}

const TEN_MEGABYTES = 10 * 1024 * 1024
const LONGEST_SILENCE_MS = 5_000

describe('ten megabytes of expressions are refused, and others are answered meanwhile:', () => {
  const sizes: readonly [string, (n: number) => string][] = [
    ['a hundred thousand short ones', n => `    - { name: m${n}, pathRegex: "/a${n}/[a-z]+", methods: [GET] }\n`],
    ['some thousands of long ones', n => `    - { name: m${n}, pathRegex: "/${'(a|b)'.repeat(800)}" }\n`],
    ['a single one', () => `    - { name: only, pathRegex: "/${'(a|b)'.repeat(TEN_MEGABYTES / 5)}" }\n`],
  ]
  for (const [what, item] of sizes) {
    test(what, async () => {
      const parts = [SHOP, '---\napiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\n']
      parts.push('metadata: { name: huge, namespace: shop }\nspec:\n  matches:\n')
      for (let n = 0, size = 0; size < TEN_MEGABYTES; n++) size += item(n).length * Math.min(1, parts.push(item(n)))
      const pulse = new Pulse()
      mesh.save('policy.yaml', parts.join(''))
      const isNamed = () =>
        mesh.findings('HTTPRouteGroup shop/huge').some(({ reason }) => reason === 'LimitExceeded') ||
        mesh.plane.sourceProblems().some(({ file }) => file === mesh.path('policy.yaml'))
      await mesh.until('the list is refused', isNamed, 60_000)
      await isWellApartFrom('as it was')
      const silence = pulse.end()
      assert.ok(silence < LONGEST_SILENCE_MS, `Nobody was answered for ${silence.toFixed(0)} ms.`)
    })
  }
})
