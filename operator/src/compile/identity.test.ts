/** IdentityBinding, rule by rule. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { world } from '../../testdata/world.ts'

/** A binding `b` in shop, used as a source or as the destination of an otherwise complete TrafficTarget. */
function bound(schemes: string, as: 'source' | 'destination' = 'source', more = '') {
  const binding = '{kind: IdentityBinding, name: b}'
  const [destination, source] =
    as === 'source'
      ? ['{kind: ServiceAccount, name: web-v1}', binding]
      : [binding, '{kind: ServiceAccount, name: client}']
  return world(`
apiVersion: access.smi-spec.io/v1alpha4
kind: IdentityBinding
metadata: {name: b, namespace: shop}
spec: {schemes: ${schemes}}
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: {name: all, namespace: shop}
spec: {matches: {ports: []}}
---
apiVersion: access.smi-spec.io/v1alpha4
kind: TrafficTarget
metadata: {name: tt, namespace: shop}
spec: {destination: ${destination}, sources: [${source}], rules: [{kind: TCPRoute, name: all}]}
${more}`)
}

const BINDING = 'IdentityBinding shop/b'
const V1 = 'shop/web-v1:80'
const pod = (name: string, account: string, labels: string) => `
---
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {${labels}}}
spec: {serviceAccountName: ${account}, containers: [{name: app}]}
`

test('a binding may stand for a source by ServiceAccount', () => {
  assert.equal(bound('{serviceAccount: client}').allows('shop/client', V1), true)
})

test('a binding may stand for a destination', () => {
  const made = bound('{serviceAccount: web-v1}', 'destination')
  assert.deepEqual([made.allows('shop/client', V1), made.allows('shop/client', 'shop/web-v2:80')], [true, false])
})

test('SPIFFE identities are read with and without their scheme', () => {
  for (const id of ['cluster.local/ns/shop/sa/client', 'spiffe://cluster.local/ns/shop/sa/client']) {
    assert.equal(bound(`{spiffeIdentities: [${id}]}`).allows('shop/client', V1), true, id)
  }
})

test('a binding speaks for its own namespace and trust domain alone', () => {
  for (const id of ['cluster.local/ns/other/sa/client', 'elsewhere/ns/shop/sa/client', 'client']) {
    const made = bound(`{spiffeIdentities: [${id}]}`)
    assert.deepEqual([made.allows('other/client', V1), made.allows('shop/client', V1)], [false, false], id)
    assert.deepEqual(made.reasons(BINDING), ['IdentityOutOfScope'], id)
  }
})

test('schemes are alternatives', () => {
  const made = bound('{serviceAccount: client, spiffeIdentities: [cluster.local/ns/shop/sa/web-v2]}')
  assert.deepEqual([made.allows('shop/client', V1), made.allows('shop/web-v2', V1)], [true, true])
})

test('labels mean a ServiceAccount all of whose pods bear them', () => {
  const made = bound('{podLabelSelector: {matchLabels: {app: client}}}')
  assert.equal(made.allows('shop/client', V1), true)
  assert.deepEqual(made.reasons(BINDING), [])
})

test('labels that only some pods of a ServiceAccount bear mean nobody', () => {
  const made = bound('{podLabelSelector: {matchLabels: {app: client}}}', 'source', pod('other', 'client', 'app: other'))
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons(BINDING), ['SelectorAmbiguous'])
})

test('pods need all labels of the selector', () => {
  const made = bound('{podLabelSelector: {matchLabels: {app: web, version: v2}}}')
  assert.deepEqual([made.allows('shop/web-v2', V1), made.allows('shop/web-v1', V1)], [true, false])
})

test('labels that no pod bears mean nobody, until one does', () => {
  const made = bound('{podLabelSelector: {matchLabels: {app: gone}}}')
  assert.deepEqual(made.reasons(BINDING), ['SelectorMatchesNothing'])
  assert.equal(
    bound('{podLabelSelector: {matchLabels: {app: gone}}}', 'source', pod('new', 'late', 'app: gone')).allows(
      'shop/late',
      V1,
    ),
    true,
  )
})

test('a binding that does not exist means nobody', () => {
  const made = bound('{serviceAccount: client}')
  made.remove({
    apiVersion: 'access.smi-spec.io/v1alpha4',
    kind: 'IdentityBinding',
    metadata: { name: 'b', namespace: 'shop' },
  })
  assert.equal(made.allows('shop/client', V1), false)
  assert.deepEqual(made.reasons('TrafficTarget shop/tt'), ['IdentityBindingNotFound'])
})

test('a binding of a ServiceAccount that does not exist is told so', () => {
  assert.deepEqual(bound('{serviceAccount: gone}').reasons(BINDING), ['ServiceAccountNotFound'])
})
