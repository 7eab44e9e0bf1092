import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fits, LONGEST_REGEX, regexProblem } from './pattern.ts'

const start = (regex: string, text: string) => fits({ regex, anchor: 'start' }, text)
const full = (regex: string, text: string) => fits({ regex, anchor: 'full' }, text)

test('a pattern anchored at its start is content with any continuation, line breaks included', () => {
  assert.deepEqual(
    ['/metrics', '/metrics/foo', '/metricsfoo', '/x\n'].map(text => start('/metrics|/x', text)),
    [true, true, true, true],
  )
  assert.equal(start('/metrics', '/a/metrics'), false)
  assert.equal(start('/api$', '/api/v1'), false)
  assert.equal(start('a|/b', '/bc'), true)
})

test('a pattern for the whole text takes nothing more and nothing less', () => {
  assert.deepEqual(
    ['1', '10', '01', '1\n'].map(text => full('1', text)),
    [true, false, false, false],
  )
  assert.equal(full('a|bc', 'bc'), true)
})

test('expressions that RE2 refuses match nothing, and say why', () => {
  for (const regex of ['(?=x)', '(a)\\1', '(', 'a{1001}']) {
    assert.equal(full(regex, ''), false)
    assert.match(regexProblem(regex) ?? '', /./)
  }
})

test('an expression that would cost too much is refused at once', () => {
  const costly = [
    'a'.repeat(LONGEST_REGEX + 1),
    '\\w{1000}'.repeat(500),
    `(${'\\w'.repeat(2000)}){1000}`,
    '(a{100}){100}',
    '('.repeat(4000),
  ]
  const before = performance.now()
  for (const regex of costly) assert.match(regexProblem(regex) ?? '', /./, regex.slice(0, 20))
  assert.ok(performance.now() - before < 1000)
})

test('expressions that people write are accepted', () => {
  for (const regex of [
    '.*Firefox.*',
    '^(.*?;)?(type=insider)(;.*)?$',
    '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    '/api/v[0-9]+/\\w{1,64}',
    '\\pL{10}',
  ]) {
    assert.equal(regexProblem(regex), undefined, regex)
  }
})
