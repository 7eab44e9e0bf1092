import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stringify } from 'yaml'
import { readCases } from '../../case/read.ts'
import { readMesh } from './mesh.ts'
import { misfit } from './misfit.ts'

const CONFORMANCE = join(import.meta.dirname, '../../..')
const cases = readCases(join(CONFORMANCE, 'cases'))

function described(access: unknown, use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  try {
    const file = join(folder, 'mesh.yaml')
    writeFileSync(file, stringify({ name: 'theirs', inject: {}, access }))
    use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('of a mesh that is in one mode as a whole, cases of the other are not asked', () => {
  for (const only of ['enforce', 'permissive']) {
    described({ only }, file => {
      const mesh = readMesh(file)
      const asked = cases.filter(one => misfit(mesh, one) === undefined)
      assert.deepEqual(
        asked.map(({ id }) => id),
        cases.filter(({ access }) => access.mode === only).map(({ id }) => id),
      )
      assert.ok(asked.length > 0 && asked.length < cases.length)
    })
  }
})

test('a mesh that can be in both modes is asked everything', () => {
  described({ enforce: {}, permissive: {} }, file =>
    assert.deepEqual(
      cases.filter(one => misfit(readMesh(file), one) !== undefined),
      [],
    ),
  )
})

test('a description says of each mode what a namespace bears, or which one there is', () => {
  described({ enforce: {} }, file => assert.throws(() => readMesh(file), /access lacks the field "permissive"/))
})

test('Open Service Mesh, which denies by default, is not asked where nothing is enforced', () => {
  const mesh = readMesh(join(CONFORMANCE, 'meshes/open-service-mesh.yaml'))
  const reasons = cases.flatMap(one => {
    const isOf = ['split', 'ports', 'workflow'].includes(one.scene.group) && one.access.mode === 'permissive'
    return isOf ? [misfit(mesh, one)] : []
  })
  const why = 'access control of open-service-mesh is one switch for the whole mesh, at enforce; this takes permissive'
  assert.deepEqual([...new Set(reasons)], [why])
})
