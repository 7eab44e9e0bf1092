/**
 * What the compiler would say of an object that is not there yet. The graph of the mesh itself is asked: the object is put in
 * its place, the graph settled, the findings read, and everything put back and settled again. Costs what a change of that object
 * costs, in a mesh of any size. Nobody is told of either settling, and after the second every table is as it was.
 */
import type { Graph, Table } from '@smi-mesh/dataplane/derive'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from './compile/index.ts'
import type { FactTables, ObjectChange } from './facts/index.ts'

/** The graph must be settled. */
export function trial(
  change: ObjectChange,
  graph: Graph,
  facts: FactTables,
  findings: Table<string, readonly Finding[]>,
): readonly Finding[] {
  const putBack = facts.remember(change.ref)
  try {
    facts.apply([change])
    graph.settle()
    return findings.get(refText(change.ref)) ?? []
  } finally {
    putBack()
    graph.settle()
  }
}
