import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf, listOf } from '../facts/read.ts'
import { conversionAnswer } from './conversion-review.ts'

const split = (version: string, weight: unknown) => ({
  apiVersion: `split.smi-spec.io/${version}`,
  kind: 'TrafficSplit',
  metadata: { name: 'canary', namespace: 'shop', uid: 'u' },
  spec: { service: 'web', backends: [{ service: 'web-v1', weight }] },
})

function answer(objects: readonly unknown[], desiredAPIVersion: string) {
  const request = { uid: 'u-1', desiredAPIVersion, objects }
  const review = conversionAnswer({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview', request })
  assert.ok(typeof review !== 'string', String(review))
  return fieldsOf(review['response'])
}

test('all objects come back in the version that was asked for, in their order', () => {
  const response = answer([split('v1alpha1', '500m'), split('v1alpha4', 1)], 'split.smi-spec.io/v1alpha4')
  assert.deepEqual([response['uid'], response['result']], ['u-1', { status: 'Success' }])
  const versions = listOf(response['convertedObjects']).map(object => fieldsOf(object)['apiVersion'])
  assert.deepEqual(versions, ['split.smi-spec.io/v1alpha4', 'split.smi-spec.io/v1alpha4'])
})

test('there and back gives every object as it was', () => {
  const before = [split('v1alpha1', '500m'), split('v1alpha1', '1')]
  const up = listOf(answer(before, 'split.smi-spec.io/v1alpha4')['convertedObjects'])
  assert.deepEqual(answer(up, 'split.smi-spec.io/v1alpha1')['convertedObjects'], before)
})

test('a version that is not served fails the review, and says of which object', () => {
  const response = answer([split('v1alpha4', 1)], 'split.smi-spec.io/v1beta1')
  const { status, message } = fieldsOf(response['result'])
  assert.equal(status, 'Failure')
  assert.match(String(message), /TrafficSplit shop\/canary: .*v1beta1/)
})

test('what is no ConversionReview is refused in words', () => {
  for (const body of [undefined, 3, {}, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview' }]) {
    assert.equal(typeof conversionAnswer(body), 'string')
  }
})
