import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceKey } from './keys.ts'
import { hostsOf, serviceOfHost } from './service-host.ts'

const of = (host: string) => {
  const found = serviceOfHost(host, 'shop', 'cluster.local')
  return found && `${found.namespace}/${found.name}`
}

test('every form of a name that DNS resolves means the Service', () => {
  const forms = [
    'web',
    'web.shop',
    'web.shop.svc',
    'web.shop.svc.cluster.local',
    'web.shop.svc.cluster.local.',
    'WEB.Shop',
  ]
  for (const form of forms) assert.equal(of(form), 'shop/web', form)
  assert.equal(of('web.other'), 'other/web')
})

test('what is no name of a Service means none', () => {
  for (const host of [
    '',
    '.',
    'web.',
    'web.shop.',
    'web.shop.svc.',
    'foo.com.',
    'a.b.c',
    'web.shop.svc.example.com',
    'web.shop.svc..',
    'we_b',
    '-web',
  ]) {
    assert.equal(of(host), undefined, host)
  }
})

test('the names of a Service lead back to it', () => {
  for (const host of hostsOf(serviceKey('shop', 'web'), 'mesh.test')) {
    assert.deepEqual(serviceOfHost(host, 'shop', 'mesh.test'), { namespace: 'shop', name: 'web' })
  }
})
