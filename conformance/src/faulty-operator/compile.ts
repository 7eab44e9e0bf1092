/** The operator's compiler, and behind it a mesh that can be made wrong. */
import type { Graph } from '@smi-mesh/dataplane/derive'
import type { MeshConfig } from '@smi-mesh/dataplane/mesh'
import { type CompiledMesh, compile as compileRightly } from '@smi-mesh/operator/compile'
import type { FactTables } from '@smi-mesh/operator/facts'
import { distortion } from '../faults.ts'
import { current } from './current.ts'

export * from '@smi-mesh/operator/compile'

export function compile(graph: Graph, facts: FactTables, config: MeshConfig): CompiledMesh {
  const compiled = compileRightly(graph, facts, config)
  const { mesh, set } = distortion(graph, compiled.mesh)
  current.changed.push(set)
  return { ...compiled, mesh }
}
