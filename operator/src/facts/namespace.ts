/**
 * Namespace → facts: whether its pods are given proxies, what becomes of those that cannot be, and how strictly access is decided
 * there. Where an annotation cannot be read, strictly.
 */
import type { AccessMode, MeshConfig, ObjectRef } from '@smi-mesh/dataplane/mesh'
import { type Finding, finding } from '../compile/finding.ts'
import type { NamespaceFacts } from './facts.ts'
import { hasJoined } from './joined.ts'
import { fieldsOf, textsOf } from './read.ts'
import { quoted, type Reduced, reduced } from './reduced.ts'

const ACCESS = 'smi-mesh.dev/access'
const UNIDENTIFIED = 'smi-mesh.dev/unidentified'
const UNINJECTED = 'smi-mesh.dev/uninjected'
const MODES: readonly AccessMode[] = ['enforce', 'audit', 'permissive']
const ANSWERS = ['deny', 'allow'] as const

export function namespaceFacts(
  ref: ObjectRef,
  object: unknown,
  openServiceMeshLabels: MeshConfig['openServiceMeshLabels'] = 'honour',
): Reduced<NamespaceFacts> {
  const { labels, annotations: written } = fieldsOf(fieldsOf(object)['metadata'])
  const annotations = fieldsOf(written)
  const findings: Finding[] = []
  const access = chosen(ref, annotations[ACCESS], ACCESS, MODES, 'enforce', findings)
  const unidentified = chosen(ref, annotations[UNIDENTIFIED], UNIDENTIFIED, ANSWERS, 'deny', findings)
  const uninjected = chosen(ref, annotations[UNINJECTED], UNINJECTED, ANSWERS, 'deny', findings) ?? 'allow'
  const joined = hasJoined(textsOf(labels), openServiceMeshLabels)
  return reduced({ joined, access, unidentified, uninjected }, findings)
}

/** One of the values an annotation may have; the strictest, with a finding, where it has another. */
function chosen<T extends string>(
  ref: ObjectRef,
  value: unknown,
  annotation: string,
  choices: readonly T[],
  strictest: T,
  findings: Finding[],
): T | undefined {
  if (value === undefined || value === null) return undefined
  const choice = choices.find(one => one === value)
  if (choice !== undefined) return choice
  const message = `Annotation ${annotation} is ${quoted(value)}, which means nothing; "${strictest}" is used. Write one of ${choices.join(', ')}.`
  findings.push(finding(ref, 'AnnotationValue', `metadata.annotations[${annotation}]`, message))
  return strictest
}
