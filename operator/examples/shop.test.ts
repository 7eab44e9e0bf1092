import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ran } from '../test/documentation.ts'

const SHOP = join(import.meta.dirname, 'shop')

async function may(caller: string, path: string, host: string): Promise<boolean> {
  return (await ran(['can', '-f', SHOP, caller, 'GET', path, host])).code === 0
}

test('the shop allows the paths it names, and not longer words', async () => {
  for (const path of ['/pay', '/pay/', '/pay/now', '/payroll', '/payments']) {
    assert.equal(await may('sa/shop/checkout', path, 'payments.shop'), !/payroll|payments/.test(path), path)
  }
  for (const path of ['/checkout', '/checkout/basket', '/back', '/checkouts', '/checkout-admin', '/backup']) {
    assert.equal(await may('sa/web/storefront', path, 'checkout.shop'), !/checkouts|admin|backup/.test(path), path)
  }
})
