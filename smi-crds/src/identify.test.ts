import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identify, isSmi } from './identify.ts'

function messageFor(apiVersion: unknown, kind: unknown): string {
  const found = identify({ apiVersion, kind })
  return found.kind === 'unknown' ? found.problem.message : `${found.info.kind} ${found.version}`
}

describe('identify', () => {
  it('knows a kind by its group and version', () => {
    assert.equal(messageFor('split.smi-spec.io/v1alpha2', 'TrafficSplit'), 'TrafficSplit v1alpha2')
  })

  it('names the versions of a kind that is written in another', () => {
    assert.equal(
      messageFor('split.smi-spec.io/v1alpha5', 'TrafficSplit'),
      'TrafficSplit is not served in version "v1alpha5"; write split.smi-spec.io/ with v1alpha1, v1alpha2, v1alpha3 or v1alpha4.',
    )
    assert.match(messageFor('specs.smi-spec.io/v1alpha3', 'UDPRoute'), /write specs.smi-spec.io\/ with v1alpha4\./)
  })

  it('names the kinds of a group', () => {
    assert.match(messageFor('access.smi-spec.io/v1alpha4', 'TrafficSplit'), /write TrafficTarget or IdentityBinding\./)
  })

  it('knows the group of the first CRDs, which was a mistake', () => {
    assert.match(messageFor('spec.smi-spec.io/v1alpha1', 'TCPRoute'), /write specs\.smi-spec\.io, in the plural/)
  })

  it('is not confused by what is no text', () => {
    for (const odd of [undefined, null, 7, {}, 'v1', '/', '']) assert.match(messageFor(odd, odd), /is not a group/)
  })
})

describe('isSmi', () => {
  it('is true of all groups of SMI, also of unknown kinds, which must be spoken of', () => {
    assert.equal(isSmi({ apiVersion: 'split.smi-spec.io/v9', kind: 'Other' }), true)
    assert.equal(isSmi({ apiVersion: 'v1', kind: 'Service' }), false)
    assert.equal(isSmi({ apiVersion: 'smi-mesh.dev/v1', kind: 'TrafficSplit' }), false)
    assert.equal(isSmi('split.smi-spec.io/v1'), false)
  })
})
