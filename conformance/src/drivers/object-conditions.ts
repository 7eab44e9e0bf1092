/** The conditions that the product finds for an object, without anybody to write them. */
import type { Table } from '@smi-mesh/dataplane/derive'
import { refText } from '@smi-mesh/dataplane/mesh'
import type { Finding } from '@smi-mesh/operator/compile'
import type { Subject } from '@smi-mesh/operator/facts'
import { conditionsOf } from '@smi-mesh/operator/status'
import { objectText } from '../case/objects.ts'
import type { ObjectName } from '../case.ts'
import type { Condition } from '../condition.ts'

export function conditionsOfObject(
  findings: Table<string, readonly Finding[]>,
  subjects: Table<string, Subject>,
  name: ObjectName,
): readonly Condition[] {
  const subject = [...subjects.keys()]
    .map(key => subjects.get(key))
    .find(one => one?.ref.kind === name.kind && one.ref.namespace === name.namespace && one.ref.name === name.name)
  if (subject === undefined) throw new Error(`The mesh knows no ${objectText(name)}.`)
  return conditionsOf(findings.get(refText(subject.ref)) ?? [], subject.generation)
}
