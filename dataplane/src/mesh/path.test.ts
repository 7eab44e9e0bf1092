import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasEscapedSlash, normalPath } from './path.ts'

/** What was sent, and what Envoy 1.40 routed by. */
const SEEN: readonly (readonly [string, string | undefined])[] = [
  ['/', '/'],
  ['/a//b', '/a/b'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/../a', '/a'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/a/b/..', '/a/'],
  ['/a/%2e%2e/b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a/%2E/b', '/a/b'],
  ['/%2e', '/'],
  ['/a/...', '/a/...'],
  ['/.a', '/.a'],
  ['/%41', '/A'],
  ['/%7e', '/~'],
  ['/%2d', '/-'],
  ['/a%2Fb', '/a%2Fb'],
  ['/a%2f..%2fb', '/a%2f..%2fb'],
  ['/a%5Cb', '/a%5Cb'],
  ['/a\\b', '/a/b'],
  ['/a\\..\\b', '/b'],
  ['/a?b=/../c', '/a'],
  ['/a?', '/a'],
  ['/a#frag', undefined],
  ['/a?x#y', undefined],
  ['//', '//'],
  ['///', '//'],
  ['//a', '/a'],
  ['/a//', '/a/'],
  ['//a//', '/a/'],
  ['/a//../b', '/a/b'],
  ['/a/b//../../c', '/a/c'],
  ['/a;x=1/../b', '/b'],
  ['/a/%zz', '/a/%zz'],
  ['/a/%', '/a/%'],
  ['/a/%c3%a9', '/a/%c3%a9'],
  ['/a/é', undefined],
  ['/a b', undefined],
  ['/a%20b', '/a%20b'],
  ['/%00', undefined],
  ['/%2525', '/%2525'],
  ['/%3f', '/%3f'],
  ['/"<>`{}|^', '/%22%3C%3E%60%7B%7D%7C%5E'],
  ["/!$&'()*,:;=@+", "/!$&'()*,:;=@+"],
  ['/%5b%5d[]', '/%5b%5d[]'],
  ['/A/../%61', '/a'],
  ['http://h/x/../y', '/y'],
  ['a', undefined],
  ['*', undefined],
]

for (const [sent, seen] of SEEN) {
  test(`the path ${JSON.stringify(sent)} is judged as ${JSON.stringify(seen)}`, () =>
    assert.equal(normalPath(sent), seen))
}

test('an escaped slash is one in the path, not in the query', () => {
  assert.deepEqual(['/a%2Fb', '/a%5cb', '/a?b=%2F', '/a/b'].map(hasEscapedSlash), [true, true, false, false])
})
