import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RE2JS } from 're2js'
import { escaped, textMatch, wholeAuthority, wholeText } from './regex.ts'

function fits(regex: string, text: string): boolean {
  return RE2JS.compile(regex).matcher(text).matches()
}

const start = (regex: string) => ({ regex, anchor: 'start' as const })
const full = (regex: string) => ({ regex, anchor: 'full' as const })

test('a start anchor is satisfied by any prefix of the path', () => {
  for (const path of ['/api', '/api/v1', '/apis']) assert.ok(fits(wholeText(start('/ap.')), path), path)
  assert.ok(!fits(wholeText(start('/ap.')), '/v1/api'))
})

test('alternatives are anchored together, not only the first', () => {
  assert.ok(fits(wholeText(start('/a.|/b.')), '/bx/y'))
  assert.ok(!fits(wholeText(start('/a.|/b.')), '/c/bx'))
  assert.ok(!fits(wholeText(full('/a.|/b.')), '/bx/y'))
})

test('an expression that ends itself with $ is not opened again', () => {
  assert.ok(fits(wholeText(start('/v[0-9]$')), '/v1'))
  assert.ok(!fits(wholeText(start('/v[0-9]$')), '/v1/more'))
})

test('flags inside a pattern do not reach what is appended', () => {
  assert.ok(fits(wholeText(start('(?i)/API.')), '/apix/Y'))
})

test('an unfinished quotation ends with the pattern', () => {
  for (const open of ['\\Q/a+b', '\\Q/a+b\\E', 'x*\\Q/a+b', '\\\\\\\\Q?.*\\Q/a+b']) {
    assert.doesNotThrow(() => RE2JS.compile(wholeText(start(open))), open)
  }
  assert.ok(fits(wholeText(start('\\Q/a+b')), '/a+b/c'))
  assert.ok(!fits(wholeText(start('\\Q/a+b')), '/aab'))
})

test('a pattern without metacharacters is a plain comparison', () => {
  assert.deepEqual(textMatch(start('/metrics')), { kind: 'prefix', text: '/metrics' })
  assert.deepEqual(textMatch(start('^/metrics$')), { kind: 'exact', text: '/metrics' })
  assert.deepEqual(textMatch(full('/metrics')), { kind: 'exact', text: '/metrics' })
  assert.equal(textMatch(full('/v1.0')).kind, 'regex')
  assert.equal(textMatch(start('')).kind, 'regex')
})

test('the host is judged without port and trailing dot', () => {
  const web = wholeAuthority(full('web\\.shop'))
  for (const host of ['web.shop', 'web.shop:8080', 'web.shop.', 'web.shop.:80']) assert.ok(fits(web, host), host)
  for (const host of ['web.shop.evil', 'xweb.shop', 'web.shop:']) assert.ok(!fits(web, host), host)
})

test('an end that the pattern asserts is the end of the host', () => {
  const exact = wholeAuthority(full('^web$|^api\\.shop\\z'))
  for (const host of ['web', 'web:80', 'web.', 'api.shop:443']) assert.ok(fits(exact, host), host)
  for (const host of ['webs', 'web.shop', 'api.shops']) assert.ok(!fits(exact, host), host)
  assert.ok(fits(wholeAuthority(start('web$')), 'web:80'))
  assert.ok(!fits(wholeAuthority(start('web$')), 'web.shop'))
})

test('a dollar sign that asserts nothing stays what it is', () => {
  for (const literal of ['a[$]b', 'a\\$b', 'a\\Q$\\Eb', 'a[^]x]b', 'a[[:punct:]$]b']) {
    assert.ok(fits(wholeAuthority(full(literal)), 'a$b:80'), literal)
  }
})

test('escaped text matches itself and nothing else', () => {
  const text = 'a.b*c(d)[e]{f}|g^h$i\\j+k?'
  assert.ok(fits(escaped(text), text))
  assert.ok(!fits(escaped('a.b'), 'axb'))
})

test('the empty expression, which Envoy would reject with all its neighbours, is written so that it is taken', () => {
  assert.deepEqual(textMatch({ regex: '', anchor: 'full' }), { kind: 'regex', regex: '(?:)' })
})
