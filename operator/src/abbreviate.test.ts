import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Abbreviator, difference, type Shown } from './abbreviate.ts'

const block = { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 }
const one = (name: string, json: Shown['json'], sha256 = name): Shown => ({
  kind: 'Listener',
  name,
  json,
  sha256,
  file: 'scene/web',
})

test('what differs in its name alone is one line, and the hash of its bytes', () => {
  const abbreviator = new Abbreviator()
  abbreviator.add(one('shop/web:80', { name: 'shop/web:80', routes: 'shop/web:80', more: block }))
  const shown = abbreviator.abbreviate(one('shop/v1:80', { name: 'shop/v1:80', routes: 'shop/v1:80', more: block }))
  assert.deepEqual(shown, { like: 'scene/web shop/web:80', sha256: 'shop/v1:80' })
})

test('the same words with other bytes are not the same', () => {
  const abbreviator = new Abbreviator()
  abbreviator.add(one('inbound', { name: 'inbound', more: block }, 'before'))
  const shown = abbreviator.abbreviate(one('inbound', { name: 'inbound', more: block }, 'after'))
  assert.deepEqual(shown, { like: 'scene/web', sha256: 'after' })
})

test('what resembles nothing is shown whole, and needs no hash', () => {
  const abbreviator = new Abbreviator()
  abbreviator.add(one('inbound', { name: 'inbound', more: block }))
  assert.deepEqual(abbreviator.abbreviate(one('other', { port: 1 })), { port: 1 })
})

test('a difference names members of lists, says what is gone, and shows a list in another order whole', () => {
  const [a, b] = [
    { name: 'a', is: 1 },
    { name: 'b', is: 2 },
  ]
  assert.deepEqual(difference([a, b], [a, { ...b, is: 3 }]), { b: { is: 3 } })
  assert.deepEqual(difference([a, b], [b]), { a: 'gone' })
  assert.deepEqual(difference([a, b], [b, a]), [b, a])
  assert.equal(difference([a, b], [{ ...a }, { ...b }]), undefined)
})
