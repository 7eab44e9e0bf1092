import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Form, forms, nulledObject, spoiltObject, validObject, withoutEveryNull } from '../testdata/arbitrary.ts'
import { readExamples } from '../testdata/examples.ts'
import { converted, meaningOf } from '../testdata/objects.ts'
import { convert } from './convert.ts'
import { decode } from './decode.ts'
import { isSmi } from './identify.ts'
import { isFields } from './json.ts'
import { apiVersionOf } from './kinds.ts'
import { validate } from './validate.ts'

const runs = { numRuns: 30 }

function title({ info, version }: Form): string {
  return `${info.kind} ${version}`
}

for (const form of forms) {
  const others = form.info.versions.filter(version => version !== form.version)
  describe(title(form), () => {
    it('is valid as the other tests make it', () => {
      fc.assert(
        fc.property(validObject(form), object => {
          const denied = new Set(['route-duplicate'])
          assert.deepEqual(
            validate(object).filter(({ rule }) => !denied.has(rule)),
            [],
          )
        }),
        runs,
      )
    })

    for (const version of others) {
      it(`comes back from ${version} as it was`, () => {
        fc.assert(
          fc.property(validObject(form), object => {
            const there = converted(object, version)
            assert.equal(there['apiVersion'], apiVersionOf(form.info, version))
            assert.deepEqual(converted(there, form.version), object)
          }),
          runs,
        )
      })

      it(`means the same in ${version}`, () => {
        fc.assert(
          fc.property(validObject(form), object => {
            assert.deepEqual(meaningOf(converted(object, version)), meaningOf(object))
          }),
          runs,
        )
      })

      it(`means the same in ${version} by way of every other version`, () => {
        fc.assert(
          fc.property(validObject(form), fc.constantFrom(...others), (object, between) => {
            assert.deepEqual(meaningOf(converted(converted(object, between), version)), meaningOf(object))
          }),
          runs,
        )
      })

      it(`loses nothing on the way to ${version} but annotations and fields`, () => {
        fc.assert(
          fc.property(validObject(form), object => {
            const there = converted(object, version)
            assert.deepEqual(there['status'], object['status'])
            assert.deepEqual(withoutAnnotations(there['metadata']), withoutAnnotations(object['metadata']))
          }),
          runs,
        )
      })

      it(`means in ${version} what it means without its nulls, and loses nothing else on the way back`, () => {
        fc.assert(
          fc.property(nulledObject(form), object => {
            const plain = withoutEveryNull(object)
            if (decode(plain).kind !== 'ok') return
            const there = converted(object, version)
            assert.deepEqual(meaningOf(there), meaningOf(plain))
            assert.deepEqual(withoutEveryNull(converted(there, form.version)), plain)
          }),
          { numRuns: 100 },
        )
      })

      it(`is converted to ${version} whatever is written in it, and never means more there`, () => {
        fc.assert(
          fc.property(spoiltObject(form), object => {
            const result = convert(object, version)
            const before = decode(object)
            if (before.kind !== 'ok') return
            assert.equal(result.kind, 'converted')
            if (result.kind === 'converted') assert.deepEqual(meaningOf(result.object), meaningOf(object))
          }),
          { numRuns: 100 },
        )
      })
    }

    it('has a valid form in the hub', () => {
      fc.assert(
        fc.property(validObject(form), object => {
          const problems = validate(converted(object, form.info.hub))
          // What older versions may leave out, or name twice, has a safe meaning in the hub, but must not be written.
          const accepted = new Set(['rules-empty', 'sources-empty', 'route-duplicate'])
          assert.deepEqual(
            problems.filter(({ rule }) => !accepted.has(rule)),
            [],
          )
        }),
        runs,
      )
    })
  })
}

function withoutAnnotations(metadata: unknown): unknown {
  if (!isFields(metadata)) return metadata
  const { annotations: _kept, ...rest } = metadata
  return rest
}

describe('convert', () => {
  it('brings every example back from every version as it was', () => {
    for (const { file, objects } of readExamples()) {
      for (const object of objects.filter(isSmi)) {
        const form = forms.find(({ info }) => isFields(object) && info.kind === object['kind'])
        for (const version of form?.info.versions ?? []) {
          const own = isFields(object) ? String(object['apiVersion']) : ''
          assert.deepEqual(converted(converted(object, version), own), object, `${file} by way of ${version}`)
        }
      }
    }
  })

  it('leaves its argument alone', () => {
    const split = deepFreeze({
      apiVersion: 'split.smi-spec.io/v1alpha1',
      kind: 'TrafficSplit',
      metadata: { name: 'a' },
      spec: { service: 'a', backends: [{ service: 'b', weight: '500m' }] },
    })
    converted(converted(split, 'v1alpha3'), 'v1alpha1')
  })

  it('names the versions there are when asked for another', () => {
    const route = { apiVersion: 'specs.smi-spec.io/v1alpha4', kind: 'UDPRoute', metadata: { name: 'a' } }
    assert.deepEqual(convert(route, 'v1alpha1'), {
      kind: 'refused',
      problem: {
        path: 'apiVersion',
        message: 'UDPRoute is not served in version "v1alpha1"; write specs.smi-spec.io/ with v1alpha4.',
        rule: 'version-unknown',
      },
    })
  })

  it('takes the version with its group, as a ConversionReview has it, and no other group', () => {
    const route = { apiVersion: 'specs.smi-spec.io/v1alpha1', kind: 'TCPRoute', metadata: { name: 'a' } }
    assert.equal(convert(route, 'specs.smi-spec.io/v1alpha4').kind, 'converted')
    assert.equal(convert(route, 'split.smi-spec.io/v1alpha4').kind, 'refused')
  })

  it('refuses what is no SMI object', () => {
    for (const object of [null, 3, [], {}, { apiVersion: 'v1', kind: 'Pod' }]) {
      assert.equal(convert(object, 'v1alpha4').kind, 'refused')
    }
  })

  it('believes no kept spelling that says something else', () => {
    const forged = JSON.stringify({ spec: { service: 'a', backends: [{ service: 'evil', weight: '1' }] } })
    const split = {
      apiVersion: 'split.smi-spec.io/v1alpha4',
      kind: 'TrafficSplit',
      metadata: { name: 'a', annotations: { 'smi-mesh.dev/written-as-v1alpha1': forged } },
      spec: { service: 'a', backends: [{ service: 'b', weight: 1 }] },
    }
    const { spec, metadata } = converted(split, 'v1alpha1')
    assert.deepEqual(spec, { service: 'a', backends: [{ service: 'b', weight: '1' }] })
    assert.deepEqual(metadata, { name: 'a' })
  })
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
