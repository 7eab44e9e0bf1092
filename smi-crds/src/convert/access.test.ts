import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { account, converted, decoded, meta, target } from '../../testdata/objects.ts'

const rules = [{ kind: 'TCPRoute', name: 'tcp' }]
const sources = [account('api')]
const destination = account('web')
const held = { 'smi-mesh.dev/destination-port': '8080' }

function openedPort(object: unknown): number | undefined {
  const { object: meaning } = decoded(object)
  return meaning.kind === 'TrafficTarget' ? meaning.spec.destination.port : undefined
}

describe('conversion of TrafficTargets', () => {
  const oldest = target('v1alpha1', { destination: { ...destination, port: 8080 }, specs: rules, sources })
  const older = target('v1alpha2', { spec: { destination: { ...destination, port: 8080 }, rules, sources } })
  const hub = target('v1alpha4', { spec: { destination, rules, sources } }, held)

  it('moves fields into spec, renames specs, and keeps the port in an annotation', () => {
    assert.deepEqual(converted(oldest, 'v1alpha4'), hub)
    assert.deepEqual(converted(older, 'v1alpha4'), hub)
    assert.deepEqual(converted(hub, 'v1alpha1'), oldest)
    assert.deepEqual(converted(hub, 'v1alpha2'), older)
    assert.deepEqual(converted(oldest, 'v1alpha2'), older)
  })

  it('opens one port in every version', () => {
    for (const version of ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']) {
      assert.equal(openedPort(converted(oldest, version)), 8080, version)
    }
  })

  it('keeps the port when a client of v1alpha3 changes the rest', () => {
    const now = converted(oldest, 'v1alpha3')
    const edited = { ...now, spec: { destination, rules, sources: [account('other')] } }
    assert.deepEqual(
      converted(edited, 'v1alpha1'),
      target('v1alpha1', { destination: { ...destination, port: 8080 }, specs: rules, sources: [account('other')] }),
    )
  })

  it('obeys a port which is written where its version has none', () => {
    const text = target('v1alpha3', { spec: { destination: { ...destination, port: '9091' }, rules, sources } })
    assert.equal(openedPort(text), 9091)
    const old = converted(text, 'v1alpha2')
    assert.deepEqual(old['spec'], { destination: { ...destination, port: 9091 }, rules, sources })
    assert.deepEqual(converted(old, 'v1alpha3'), text)
  })

  it('lets a port that is written win over one that is kept', () => {
    const both = target('v1alpha4', { spec: { destination: { ...destination, port: 9091 }, rules, sources } }, held)
    assert.equal(openedPort(both), 9091)
    const old = converted(both, 'v1alpha2')
    assert.deepEqual([openedPort(old), openedPort(converted(old, 'v1alpha4'))], [9091, 9091])
  })

  it('keeps IdentityBindings as subjects, and their group where versions have none', () => {
    const bound = { kind: 'IdentityBinding', group: 'access.smi-spec.io', name: 'jobs' }
    const now = target('v1alpha4', { spec: { destination, rules, sources: [bound] } })
    const old = converted(now, 'v1alpha3')
    assert.deepEqual(old['spec'], { destination, rules, sources: [{ kind: 'IdentityBinding', name: 'jobs' }] })
    assert.deepEqual(converted(old, 'v1alpha4'), now)
  })

  it('gives fields beside spec no meaning that they did not have', () => {
    const beside = { specs: [{ kind: 'HTTPRouteGroup', name: 'everything' }], sources: [account('stranger')] }
    const now = target('v1alpha4', { ...beside, spec: { destination } })
    const old = converted(now, 'v1alpha1')
    assert.equal(old['specs'], undefined)
    assert.equal(old['sources'], undefined)
    assert.deepEqual(converted(old, 'v1alpha4'), now)
  })

  it('adds no annotation where nothing is lost', () => {
    const plain = target('v1alpha4', { spec: { destination, rules, sources } })
    for (const version of ['v1alpha1', 'v1alpha2', 'v1alpha3']) {
      assert.deepEqual(converted(plain, version)['metadata'], meta())
    }
  })
})
