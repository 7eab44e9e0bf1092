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
import { LivingMesh } from './living-mesh.ts'
import { MISTAKES, SECOND_SPLIT, SHOP, spoilt } from './mistakes.ts'

/** What `smictl validate -o json` says of a folder. */
async function validated(folder: string): Promise<readonly Remark[]> {
  let text = ''
  await run(['validate', '-o', 'json', folder], {
    write: part => {
      text += part
    },
    complain: () => {},
    terminal: { isInteractive: false, columns: 120, rows: 40 },
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

const GROUP_REF = { kind: 'HTTPRouteGroup', namespace: 'shop', name: 'pages' }
const GROUP = 'HTTPRouteGroup shop/pages'
const SPLIT = 'TrafficSplit shop/canary'

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
  assert.match(problem?.where ?? '', /^line \d+, metadata\.name$/)
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
/** On a machine that does nothing else it is a fifth of this. */
const LONGEST_SILENCE_MS = 2_000
const HOME = '    - { name: home, pathRegex: /home, methods: [GET] }\n'

/** Items of a list, ten megabytes of them. */
function tenMegabytes(item: (n: number) => string): string {
  const parts: string[] = []
  for (let size = 0; size < TEN_MEGABYTES; ) size += parts[parts.push(item(parts.length)) - 1]?.length ?? 0
  return parts.join('')
}

describe('ten megabytes of expressions are refused by name, and others are served meanwhile:', () => {
  const lists: readonly [what: string, item: (n: number) => string, field: string, limit: RegExp][] = [
    [
      'a hundred thousand short ones',
      n => `    - { name: m${n}, pathRegex: "/a${n}/[a-z]+", methods: [GET] }\n`,
      'spec.matches',
      /50000/,
    ],
    [
      'some thousands of long ones',
      n => `    - { name: m${n}, pathRegex: "/${'(a|b)'.repeat(800)}" }\n`,
      'spec.matches',
      /limit is 512/,
    ],
    [
      'a single one',
      () => `    - { name: only, pathRegex: "/${'(a|b)'.repeat(TEN_MEGABYTES / 5)}" }\n`,
      'spec.matches[1].pathRegex',
      /limit is 65536/,
    ],
  ]
  for (const [what, item, field, limit] of lists) {
    test(what, async () => {
      const pulse = new Pulse()
      mesh.save('policy.yaml', spoilt(HOME, HOME + tenMegabytes(item)))
      mesh.save('busy.yaml', SECOND_SPLIT.replaceAll('shop', 'busy'))
      await mesh.until('another file is read', () => mesh.findings('TrafficSplit busy/second').length > 0)
      const said = () => mesh.findings(GROUP).find(({ reason }) => reason === 'LimitExceeded')
      assert.equal(said(), undefined, 'The other file did not wait for this one.')
      await mesh.until('the list is refused', () => said() !== undefined, 120_000)
      const found = said()
      assert.equal(found?.field, field)
      assert.match(found?.message ?? '', limit)
      assert.match(mesh.plane.originOf(GROUP_REF) ?? '', /\/policy\.yaml:\d+$/)
      const silence = pulse.end()
      assert.ok(silence < LONGEST_SILENCE_MS, `Nobody was answered for ${silence.toFixed(0)} ms.`)
      await isWellApartFrom('as it was')
    })
  }
})

test('a file that is larger than what is read is named, and its last good state stays', async () => {
  mesh.save('policy.yaml', `${SHOP}# ${'x'.repeat(17 * 1024 * 1024)}\n`)
  await mesh.until('the file is named', () => mesh.plane.sourceProblems().length > 0)
  assert.equal(mesh.plane.sourceProblems()[0]?.file, mesh.path('policy.yaml'))
  assert.match(mesh.plane.sourceProblems()[0]?.message ?? '', /17\.0 MB; more than 16\.0 MB is not read/)
  await isWellApartFrom('as it was')
})
