/** From Envoy's names to the shop's objects and back. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT, ran } from '../../test/documentation.ts'

const SHOP = join(ROOT, 'operator/examples/shop')

const explained = async (name: string) => {
  const { printed, code } = await ran(['explain', '-f', SHOP, '-o', 'json', name])
  return { code, ...(code === 0 ? JSON.parse(printed) : { printed }) }
}

interface Named {
  readonly type: string
  readonly name: string
}

test('a resource leads to its objects, with file and line', async () => {
  const { objects, resources } = await explained('shop/checkout:8080')
  const origin = objects.find(
    ({ object }: { object: string }) => object === 'TrafficSplit shop/checkout-canary',
  )?.origin
  assert.match(origin, /shop\/split\.yaml:\d+$/)
  const types = new Set(resources.map(({ type }: Named) => type))
  assert.ok(types.has('RouteConfiguration') && types.has('Listener'))
})

test('an object leads to the resources made from it, in whatever case its kind is written', async () => {
  const { resources } = await explained('TrafficSplit shop/checkout-canary')
  assert.deepEqual([...new Set(resources.map(({ name }: Named) => name))], ['shop/checkout:8080'])
  assert.deepEqual((await explained('trafficsplit/shop/checkout-canary')).resources, resources)
})

test('an object of the whole cluster is named without a namespace', async () => {
  for (const name of ['Namespace shop', 'namespace/shop']) {
    const { objects } = await explained(name)
    assert.deepEqual(
      objects?.map(({ object }: { object: string }) => object),
      ['Namespace shop'],
      name,
    )
  }
})

test('the rule that a denial or an access log names leads to its TrafficTarget', async () => {
  const { objects } = await explained('traffictarget/shop/checkout-to-payments/payments')
  assert.deepEqual(
    objects.map(({ object }: { object: string }) => object),
    ['TrafficTarget shop/checkout-to-payments'],
  )
})

test('a reason is told with what to do', async () => {
  const { reason, meaning, remedy } = await explained('ApexNotFound')
  assert.equal(reason, 'ApexNotFound')
  assert.ok(meaning.endsWith('.') && remedy.endsWith('.'))
})

test('a reason needs no files, and anything else asks for them', async () => {
  assert.match((await ran(['explain', 'ApexNotFound'])).printed, /^ApexNotFound \(/)
  const { code, printed } = await ran(['explain', 'shop/checkout:8080'])
  assert.deepEqual([code, /"shop\/checkout:8080" is no reason\..*--files/.test(printed)], [2, true])
})

test('a name that nothing has is found to be none', async () => {
  const { printed } = await ran(['explain', '-f', SHOP, 'shop/nothing:1'])
  assert.equal((await explained('shop/nothing:1')).code, 1)
  assert.match(printed, /Nothing is called shop\/nothing:1\./)
})

test('a name that is nearly one is answered with that one', async () => {
  const meant = async (name: string) =>
    /Did you mean `(.*)`\?/.exec((await ran(['explain', '-f', SHOP, name])).printed)?.[1]
  assert.equal(await meant('shop/chekout:8080'), 'shop/checkout:8080')
  assert.equal(await meant('trafficsplit/shop/checkout-canarz'), 'TrafficSplit shop/checkout-canary')
  assert.equal(await meant('ApexNotFond'), 'ApexNotFound')
})
