/** Objects of every kind the mesh reads, as nobody should write them: values replaced, moved, taken away and added at random. */
import fc from 'fast-check'
import { forms, spoiltObject } from '../../smi-crds/testdata/arbitrary.ts'
import { anyObject } from '../testdata/arbitrary.ts'

/** Words and values that the code looks for, and those that break code which does not look. */
const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  65_536,
  1e300,
  '',
  ' ',
  'a/b',
  '../..',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  '(((((((((',
  '.*',
  '500m',
  'None',
  '0.0.0.0',
  '::1',
  '10.0.0.1',
  [],
  {},
  [null],
  [[]],
  { '': '' },
]

const value = fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue({ maxDepth: 3 }))

type Change = { readonly at: number; readonly how: 'replace' | 'remove' | 'repeat' | 'exchange'; readonly by: unknown }

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  how: fc.constantFrom('replace', 'replace', 'remove', 'repeat', 'exchange'),
  by: value,
})

/** Each place of a JSON value: what holds it, and under which key. */
interface Place {
  readonly holder: Record<string, unknown> | unknown[]
  readonly key: string
}

function places(root: unknown): readonly Place[] {
  const found: Place[] = []
  const open: unknown[] = [root]
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (!isHolder(holder)) continue
    for (const [key, inner] of Object.entries(holder)) {
      found.push({ holder, key })
      if (inner !== undefined) open.push(inner)
    }
  }
  return found
}

function isHolder(value: unknown): value is Place['holder'] {
  return typeof value === 'object' && value !== null
}

/** Changes a JSON value in place. */
function apply(root: unknown, { at, how, by }: Change): void {
  const all = places(root)
  const place = all[at % Math.max(1, all.length)]
  if (place === undefined) return
  const { holder, key } = place
  const other = all[(at + 7) % all.length]
  if (how === 'remove') Reflect.deleteProperty(holder, key)
  else if (how === 'repeat' && Array.isArray(holder)) holder.push(structuredClone(Reflect.get(holder, key)))
  else if (how === 'exchange' && other !== undefined)
    Reflect.set(holder, key, structuredClone(Reflect.get(other.holder, other.key)))
  else Reflect.set(holder, key, structuredClone(by))
}

/** An object of a kind the mesh reads, with up to five mutations of its JSON. */
const mutated: fc.Arbitrary<unknown> = fc
  .tuple(anyObject, fc.array(change, { minLength: 1, maxLength: 5 }))
  .map(([object, changes]) => {
    const spoilt: unknown = structuredClone(object)
    for (const one of changes) apply(spoilt, one)
    return spoilt
  })

/** Anything that a source may hand over, good, half good and hopeless. */
export const spoilt: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: mutated },
  { weight: 2, arbitrary: fc.constantFrom(...forms).chain(spoiltObject) },
  { weight: 1, arbitrary: anyObject },
)
