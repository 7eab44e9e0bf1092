import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CrdSchema, readCrds } from '../scripts/crd.ts'
import { KINDS } from './kinds.ts'

describe('the table of kinds', () => {
  it('has the names and versions of the CRDs', () => {
    const fromCrds = readCrds().map(({ spec: { group, names, versions } }) => ({
      kind: names.kind,
      group,
      plural: names.plural,
      singular: names.singular,
      shortNames: names.shortNames,
      versions: versions.filter(version => version.served).map(version => version.name),
      hub: versions.filter(version => version.storage).map(version => version.name)[0],
    }))
    const byKind = (a: { kind: string }, b: { kind: string }) => (a.kind < b.kind ? -1 : 1)
    assert.deepEqual(fromCrds.toSorted(byKind), KINDS.toSorted(byKind))
  })
})

describe('the CRDs', () => {
  for (const { metadata, spec } of readCrds()) {
    it(`${metadata.name} is named for what it defines, is namespaced, and leaves conversion to whoever installs it`, () => {
      assert.equal(metadata.name, `${spec.names.plural}.${spec.group}`)
      assert.equal(spec.names.listKind, `${spec.names.kind}List`)
      assert.equal(spec.scope, 'Namespaced')
      assert.equal(spec.names.categories, undefined)
      assert.equal(spec.conversion, undefined)
    })

    for (const version of spec.versions) {
      const root = version.schema.openAPIV3Schema
      it(`${metadata.name} ${version.name} is served, and one version is stored`, () => {
        assert.equal(version.served, true)
        assert.equal(version.storage, version.name === 'v1alpha4')
      })

      it(`${metadata.name} ${version.name} has a status that keeps conditions, the same in all kinds`, () => {
        assert.deepEqual(version.subresources, { status: {} })
        assert.deepEqual(root.properties?.['status'], statusOfFirst)
        const conditions = root.properties?.['status']?.properties?.['conditions']
        assert.equal(conditions?.['x-kubernetes-list-type'], 'map')
        assert.deepEqual(conditions?.['x-kubernetes-list-map-keys'], ['type'])
      })

      it(`${metadata.name} ${version.name} prints what one looks for`, () => {
        const names = version.additionalPrinterColumns.map(column => column.name)
        const ofSplit = spec.names.kind === 'TrafficSplit' ? ['Service', 'Weights'] : []
        assert.deepEqual(names, [...ofSplit, 'Accepted', 'Programmed', 'Age'])
      })

      it(`${metadata.name} ${version.name} has a structural schema which explains every field`, () => {
        assert.deepEqual([...faults(root, version.name)], [])
      })
    }
  }
})

const statusOfFirst = readCrds()[0]?.spec.versions[0]?.schema.openAPIV3Schema.properties?.['status']

/** The rules of structural schemas, as far as ours could break them, and the one that every field is described. */
function* faults(schema: CrdSchema, path: string): Generator<string> {
  const typeless =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (schema.type === undefined && !typeless) yield `${path} has no type`
  if (schema.type !== undefined && schema['x-kubernetes-int-or-string'] === true) yield `${path} has a type too many`
  if (schema.properties !== undefined && schema.additionalProperties !== undefined)
    yield `${path} is a map and an object`
  if (schema.type === 'array' && schema.items === undefined) yield `${path} has no items`
  for (const field of schema.required ?? []) {
    if (schema.properties?.[field] === undefined) yield `${path} requires ${field}, which it does not have`
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (field.description === undefined && name !== 'metadata') yield `${path}.${name} is not described`
    yield* faults(field, `${path}.${name}`)
  }
  if (schema.items !== undefined) yield* faults(schema.items, `${path}[]`)
}
