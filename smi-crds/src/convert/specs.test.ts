import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { converted, group, meaningOf, meta, tcpRoute } from '../../testdata/objects.ts'

describe('conversion of HTTPRouteGroups', () => {
  const insiders = { name: 'insiders', headers: { cookie: 'type=insider' } }
  const metrics = { name: 'metrics', pathRegex: '/metrics', methods: ['GET'] }

  it('moves routes between spec and the object, without an annotation', () => {
    const now = group('v1alpha4', { spec: { matches: [insiders, metrics] } })
    const old = group('v1alpha2', { matches: [insiders, metrics] })
    assert.deepEqual(converted(now, 'v1alpha2'), old)
    assert.deepEqual(converted(old, 'v1alpha4'), now)
  })

  it('keeps headers in an annotation for v1alpha1, also when a client changes routes there', () => {
    const now = group('v1alpha4', { spec: { matches: [insiders, metrics] } })
    const old = converted(now, 'v1alpha1')
    assert.deepEqual(old['matches'], [{ name: 'insiders' }, metrics])
    const edited = { ...old, matches: [{ name: 'new' }, { name: 'insiders', methods: ['POST'] }] }
    const stored = converted(edited, 'v1alpha4')
    assert.deepEqual(stored['spec'], { matches: [{ name: 'new' }, { ...insiders, methods: ['POST'] }] })
    assert.deepEqual(stored['metadata'], meta())
  })

  it('gives headers back to the right one of two routes by the same name', () => {
    const routes = [{ name: 'a' }, { name: 'a', headers: { x: '1' } }]
    const old = converted(group('v1alpha4', { spec: { matches: routes } }), 'v1alpha1')
    const edited = { ...old, matches: [{ name: 'a', methods: ['GET'] }, { name: 'a' }] }
    assert.deepEqual(converted(edited, 'v1alpha4')['spec'], {
      matches: [
        { name: 'a', methods: ['GET'] },
        { name: 'a', headers: { x: '1' } },
      ],
    })
  })

  it('keeps a list of headers a list, and a map a map', () => {
    for (const headers of [{ cookie: 'a' }, [{ cookie: 'a' }]]) {
      const now = group('v1alpha4', { spec: { matches: [{ name: 'a', headers }] } })
      for (const version of ['v1alpha1', 'v1alpha2', 'v1alpha3']) {
        assert.deepEqual(converted(converted(now, version), 'v1alpha4'), now)
      }
    }
  })

  it('knows routes beside spec, and prefers those in it', () => {
    const beside = group('v1alpha4', { matches: [metrics] })
    assert.deepEqual(converted(beside, 'v1alpha2')['matches'], [metrics])
    assert.deepEqual(converted(converted(beside, 'v1alpha2'), 'v1alpha4'), beside)
    const both = group('v1alpha4', { matches: [metrics], spec: { matches: [insiders] } })
    assert.deepEqual(converted(both, 'v1alpha2')['matches'], [insiders])
    assert.deepEqual(converted(converted(both, 'v1alpha2'), 'v1alpha4'), both)
  })

  it('leaves headers where they are, rather than lose them, if no annotation can hold them', () => {
    const huge = { name: 'huge', headers: { cookie: 'x'.repeat(300_000) } }
    const now = group('v1alpha4', { spec: { matches: [huge] } })
    const old = converted(now, 'v1alpha1')
    assert.deepEqual(old['matches'], [huge])
    assert.deepEqual(meaningOf(old), meaningOf(now))
  })
})

describe('conversion of TCPRoutes', () => {
  const now = tcpRoute('v1alpha4', { spec: { matches: { ports: [8080] } } })

  it('says in the hub that a route without ports means all of them', () => {
    const all = { matches: { ports: [] } }
    assert.deepEqual(converted(tcpRoute('v1alpha1', {}), 'v1alpha4')['spec'], all)
    assert.deepEqual(converted(tcpRoute('v1alpha3', { spec: {} }), 'v1alpha4')['spec'], all)
    assert.deepEqual(converted(tcpRoute('v1alpha4', { spec: all }), 'v1alpha3'), tcpRoute('v1alpha3', { spec: {} }))
  })

  it('keeps ports in an annotation for versions without them, where they still count', () => {
    for (const version of ['v1alpha1', 'v1alpha2', 'v1alpha3']) {
      const old = converted(now, version)
      assert.deepEqual(old['metadata'], meta({ 'smi-mesh.dev/ports': '{"ports":[8080]}' }))
      assert.deepEqual(meaningOf(old), meaningOf(now))
      assert.deepEqual(converted(old, 'v1alpha4'), now)
    }
  })

  it('counts kept ports in a manifest of v1alpha4 that was copied from an older version', () => {
    const copied = tcpRoute('v1alpha4', { spec: {} }, { 'smi-mesh.dev/ports': '{"ports":[8080]}' })
    assert.deepEqual(meaningOf(copied), meaningOf(now))
  })
})
