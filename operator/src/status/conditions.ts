/** Findings → conditions, as Kubernetes shows them. Knows neither the API server nor the clock: who writes them adds the time of transition. */
import { type ConditionType, compareFindings, compareText, type Finding, reasonEntry } from '../compile/finding.ts'
import type { Subject } from '../facts/facts.ts'

export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  /** The generation of the object that this was found for. */
  readonly observedGeneration: number
}

const TYPES: readonly ConditionType[] = ['Accepted', 'ResolvedRefs', 'Programmed']
/** As long as Kubernetes takes (metav1.Condition). */
const LONGEST_MESSAGE = 32_768

/** The three conditions of an SMI object. What is not accepted is not carried out as written either. */
export function conditionsOf(findings: readonly Finding[], observedGeneration: number): readonly Condition[] {
  const conditions = TYPES.map(type => conditionOf(type, findings, observedGeneration))
  const accepted = conditions.every(({ type, status }) => type !== 'Accepted' || status === 'True')
  return accepted ? conditions : conditions.map(unprogrammed)
}

function conditionOf(type: ConditionType, findings: readonly Finding[], observedGeneration: number): Condition {
  const about = findings.filter(({ condition }) => condition === type).sort(compareFindings)
  const failing = about.filter(({ reason }) => reasonEntry(reason).effect === 'fails')
  const first = failing[0] ?? about[0]
  const status = failing.length > 0 ? 'False' : 'True'
  if (first === undefined) return { type, status, reason: type, message: '', observedGeneration }
  const message = about.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('\n')
  return { type, status, reason: first.reason, message: message.slice(0, LONGEST_MESSAGE), observedGeneration }
}

function unprogrammed(condition: Condition): Condition {
  if (condition.type !== 'Programmed' || condition.status === 'False') return condition
  return {
    ...condition,
    status: 'False',
    reason: 'NotAccepted',
    message: 'It is not carried out as written; see the condition Accepted.',
  }
}

/** What an SMI object's status shows, or for other objects what there is to say. */
export type ObjectStatus =
  | {
      readonly apiVersion: string
      readonly kind: string
      readonly namespace: string
      readonly name: string
      readonly conditions: readonly Condition[]
    }
  | {
      readonly apiVersion: string
      readonly kind: string
      readonly namespace: string
      readonly name: string
      readonly findings: readonly Remark[]
    }

export interface Remark {
  readonly reason: string
  readonly field: string
  readonly message: string
}

/** The status of everything: conditions of every SMI object, remarks on other objects that have any. Sorted; meant to be printed. */
export function statusDocument(
  subjects: Iterable<Subject>,
  findingsOf: (subject: Subject) => readonly Finding[],
): readonly ObjectStatus[] {
  return [...subjects]
    .flatMap(subject => statusOf(subject, findingsOf(subject)))
    .sort((a, b) => compareText(a.kind, b.kind) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name))
}

function statusOf(
  { ref, apiVersion, generation, smi }: Subject,
  findings: readonly Finding[],
): readonly ObjectStatus[] {
  const object = { apiVersion, kind: ref.kind, namespace: ref.namespace, name: ref.name }
  if (smi) return [{ ...object, conditions: conditionsOf(findings, generation) }]
  if (findings.length === 0) return []
  return [{ ...object, findings: findings.map(({ reason, field, message }) => ({ reason, field, message })) }]
}
