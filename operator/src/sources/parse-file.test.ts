import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFile } from './parse-file.ts'

const refs = (text: string) => {
  const parsed = parseFile('f.yaml', text)
  return parsed.kind === 'ok'
    ? parsed.objects.map(({ ref, origin }) => `${ref.kind} ${ref.namespace}/${ref.name} ${origin}`)
    : parsed
}

const firstProblem = (text: string) => {
  const parsed = parseFile('f.yaml', text)
  return parsed.kind === 'rejected' ? parsed.problems[0] : undefined
}

test('every document of a file is an object, with the line it begins at', () => {
  const text =
    'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: n}\n---\n# nothing\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n'
  assert.deepEqual(refs(text), ['Service n/a f.yaml:1', 'Namespace /n f.yaml:7'])
})

test('lists and typed lists are flattened', () => {
  const list =
    'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- apiVersion: v1\n  kind: ServiceList\n  items:\n  - metadata: {name: b}\n'
  assert.deepEqual(refs(list), ['Service default/a f.yaml:4', 'Service default/b f.yaml:8'])
})

test('a list of nothing, as Go writes it, holds nothing', () => {
  assert.deepEqual(refs('{"apiVersion":"v1","kind":"PodList","items":null}'), [])
})

test('an object without a namespace is in `default`, as on an API server', () => {
  const parsed = parseFile('f.json', '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}')
  assert.deepEqual(parsed.kind === 'ok' && parsed.objects[0]?.object['metadata'], { name: 'p', namespace: 'default' })
})

test('a syntax error is told with line and column', () => {
  const problem = firstProblem('apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n name: b\n')
  assert.equal(problem?.file, 'f.yaml')
  assert.match(problem?.where ?? '', /^line 5, column \d+$/)
  assert.match(problem?.message ?? '', /^This is no YAML: .*\. Correct it\.$/)
})

test('a field that keeps an object from being known is named with its line', () => {
  const at = (text: string) => {
    const problem = firstProblem(text)
    return `${problem?.where}: ${problem?.message.split('.')[0]}`
  }
  assert.equal(at('kind: Service\nmetadata: {name: a}'), 'line 1, apiVersion: This object has no apiVersion')
  assert.equal(at('\napiVersion: v1\nmetadata: {name: a}'), 'line 2, kind: This object has no kind')
  assert.equal(at('apiVersion: v1\nkind: Pod'), 'line 1, metadata: This Pod has no metadata')
  assert.match(at('apiVersion: v1\nkind: Pod\nmetadata: {name: 12}'), /^line 1, metadata.name/)
  assert.match(at('apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: 12}'), /^line 1, metadata.namespace/)
  assert.equal(at('- a\n- b'), 'line 1: This document is no object')
  const slips = [at('apiVersion: split.smi-spec.oi/v1alpha4\nkind: TrafficSplit\nmetadata: {name: a}')]
  slips.push(at('apiVersion: split.smi-spec.io/v1alpha4\nkind: TraficSplit\nmetadata: {name: a}'))
  assert.match(slips[0] ?? '', /^line 1, apiVersion: There is no TrafficSplit of/)
  assert.match(slips[1] ?? '', /^line 1, kind: The group split/)
})

test('a name that could end a header or leave a path is refused with its line', () => {
  for (const name of ['a\\r\\nx-evil: 1', 'a/b', '..', '%REQ(cookie)%', 'a b', '\\0']) {
    const named = (metadata: string) => firstProblem(`apiVersion: v1\nkind: Service\nmetadata: {${metadata}}\n`)?.where
    assert.equal(named(`name: "${name}"`), 'line 1, metadata.name', name)
    assert.equal(named(`name: web, namespace: "${name}"`), 'line 1, metadata.namespace', name)
  }
  assert.deepEqual(refs('apiVersion: v1\nkind: ClusterRole\nmetadata: {name: "system:node.x"}\n'), [
    'ClusterRole /system:node.x f.yaml:1',
  ])
})

test('aliases that unfold without end are refused', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
  for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe'].map(pair => [...pair])) {
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]`)
  }
  assert.match(firstProblem(bomb.join('\n'))?.message ?? '', /aliases of this file unfold too far/)
})

test('no text makes the reader throw', () => {
  for (const text of [
    '',
    '\0',
    '---\n---\n',
    '[[[['.repeat(20_000),
    '*nobody',
    '&a *a',
    '<<: 1',
    '%YAML 9.9\n---\na',
    '{"a":',
    'a: !!js x',
  ]) {
    assert.ok(['ok', 'rejected'].includes(parseFile('f.yaml', text).kind))
  }
})

test('merge keys are followed', () => {
  assert.deepEqual(refs('base: &b {apiVersion: v1, kind: Pod}\n<<: *b\nmetadata: {name: p}\n'), [
    'Pod default/p f.yaml:1',
  ])
})

test('a key that a mapping has twice is told with line and column', () => {
  const problem = firstProblem('apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  a: 1\n  a: 2\n')
  assert.equal(problem?.where, 'line 6, column 3')
  assert.match(problem?.message ?? '', /Map keys must be unique\./)
})

test('a mapping of many keys is read in a time that grows with them, not with their square', () => {
  const timeOf = (keys: number) => {
    const labels = Array.from({ length: keys }, (_, n) => `    k${n}: v\n`).join('')
    const began = performance.now()
    assert.equal(
      refs(`apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels:\n${labels}`).toString(),
      'Pod default/p f.yaml:1',
    )
    return performance.now() - began
  }
  timeOf(1_000)
  const few = timeOf(1_000)
  // Ten times as many would take a hundred times as long.
  assert.ok(timeOf(10_000) < 50 * Math.max(few, 5))
})
