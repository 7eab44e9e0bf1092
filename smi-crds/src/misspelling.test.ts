import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { misspelling } from './misspelling.ts'

const said = (apiVersion: unknown, kind: unknown) => misspelling({ apiVersion, kind })?.message

describe('misspelling', () => {
  it('names the kind that was meant', () => {
    assert.equal(
      said('split.smi-spec.io/v1alpha4', 'TraficSplit'),
      'The group split.smi-spec.io has no kind "TraficSplit"; did you mean TrafficSplit?',
    )
  })

  it('names the group that was meant', () => {
    for (const written of ['split.smi-spec.oi/v1alpha4', 'split.smi-spec.io', 'smi-spec.io/v1alpha4', 'v1alpha4']) {
      assert.equal(
        said(written, 'TrafficSplit'),
        `There is no TrafficSplit of "${written}"; did you mean split.smi-spec.io/v1alpha4?`,
      )
    }
    assert.match(said('spec.smi-spec.io/v1alpha1', 'TCPRoute') ?? '', /did you mean specs\.smi-spec\.io/)
  })

  it('leaves alone what is right, and what is of others', () => {
    for (const [apiVersion, kind] of [
      ['split.smi-spec.io/v1alpha1', 'TrafficSplit'],
      ['split.smi-spec.io/v9', 'TrafficSplit'],
      ['split.smi-spec.io/v1alpha4', 'Other'],
      ['gateway.networking.k8s.io/v1alpha2', 'TCPRoute'],
      ['v1', 'Service'],
      ['example.com/v1', 'TrafficSplit'],
      [undefined, 7],
    ]) {
      assert.equal(said(apiVersion, kind), undefined, `${apiVersion} ${kind}`)
    }
    assert.equal(misspelling(null), undefined)
  })
})
