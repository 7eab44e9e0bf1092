/** TrafficSplit, as far as it can be understood alone: what it divides, among whom, for which requests. */
import { type ObjectRef, parseServiceKey, type ServiceKey } from '@smi-mesh/dataplane/mesh'
import { type NameKey, nameKey } from '../facts/fact-tables.ts'
import type { ServiceName, TrafficSplitFacts } from '../facts/facts.ts'
import { quoted } from '../facts/reduced.ts'
import { type Compiled, compareText, type Finding, finding } from './finding.ts'

export interface SplitPlan {
  readonly ref: ObjectRef
  readonly createdAt: string
  readonly apex: ServiceKey
  /** Each Service once, in the order written. */
  readonly backends: readonly PlannedBackend[]
  /** Whether its author gave every backend, of at least one, the weight 0. */
  readonly weightless: boolean
  readonly when: SplitCondition
}

export interface PlannedBackend {
  readonly service: ServiceKey
  readonly weight: number
  readonly field: string
}

/** `groups` may be empty: all that was named cannot be used, so nothing fits. */
export type SplitCondition =
  | { readonly kind: 'always' }
  | { readonly kind: 'groups'; readonly groups: readonly GroupReference[] }

export interface GroupReference {
  readonly key: NameKey
  readonly name: string
  readonly field: string
}

/** The plan of a split; none where its apex can be no Service of its own namespace. */
export function planSplit(split: TrafficSplitFacts): Compiled<SplitPlan | undefined> {
  const findings: Finding[] = []
  const { ref, createdAt } = split
  const apex = own(ref, split.apex, 'spec.service', findings)
  const backends = new Map<ServiceKey, PlannedBackend>()
  for (const [index, { service, weight }] of split.backends.entries()) {
    const field = `spec.backends[${index}].service`
    const key = own(ref, service, field, findings)
    if (key !== undefined) backends.set(key, { service: key, field, weight: weight + (backends.get(key)?.weight ?? 0) })
  }
  const when = conditionOf(split, findings)
  const weightless = split.backends.length > 0 && split.backends.every(({ weight }) => weight === 0)
  const value =
    apex === undefined ? undefined : { ref, createdAt, apex, backends: [...backends.values()], weightless, when }
  return { value, findings }
}

/** A split acts on Services of its own namespace only: its author may decide nothing for others. */
function own(
  ref: ObjectRef,
  { key, written }: ServiceName,
  field: string,
  findings: Finding[],
): ServiceKey | undefined {
  if (key === undefined) {
    const message = `${quoted(written)} is no name of a Service; it is left out. Write the name of a Service of namespace ${ref.namespace}.`
    findings.push(finding(ref, 'NameForm', field, message))
    return undefined
  }
  if (parseServiceKey(key).namespace === ref.namespace) return key
  const message = `${quoted(written)} is a Service of another namespace; it is left out. A TrafficSplit divides Services of its own namespace among Services of its own namespace.`
  findings.push(finding(ref, 'CrossNamespace', field, message))
  return undefined
}

function conditionOf({ ref, matches }: TrafficSplitFacts, findings: Finding[]): SplitCondition {
  if (matches.length === 0) return { kind: 'always' }
  const groups: GroupReference[] = []
  for (const [index, { kind, name }] of matches.entries()) {
    const field = `spec.matches[${index}]`
    if (kind === 'HTTPRouteGroup') groups.push({ key: nameKey(ref.namespace, name), name, field })
    else
      findings.push(
        finding(
          ref,
          'KindNotSupported',
          `${field}.kind`,
          `${quoted(kind)} cannot be a condition of a split. Refer to an HTTPRouteGroup.`,
        ),
      )
  }
  return { kind: 'groups', groups }
}

/** Oldest first, then by name: who comes later changes nothing that works. An object without a time is older than any. */
export function byPrecedence(a: SplitPlan, b: SplitPlan): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.ref.name, b.ref.name)
}

/** What may be looked at to say what a split refers to. */
export interface SplitReferences {
  readonly exists: (service: ServiceKey) => boolean | undefined
  readonly splitsByApex: (service: ServiceKey) => ReadonlySet<NameKey>
  readonly hasGroup: (group: NameKey) => boolean | undefined
}

/** What a split refers to in vain, or in a way that does not do what its author may think. */
export function checkSplit(plan: SplitPlan, references: SplitReferences): readonly Finding[] {
  const { ref, apex, backends, when } = plan
  const findings: Finding[] = []
  const say = (reason: Parameters<typeof finding>[1], field: string, message: string) => {
    findings.push(finding(ref, reason, field, message))
  }
  if (!references.exists(apex))
    say('ApexNotFound', 'spec.service', `Service ${apex} does not exist. Create it, or correct the name.`)
  if (plan.weightless) {
    say(
      'AllWeightsZero',
      'spec.backends',
      'No backend has a weight, so requests are answered 503. Give at least one backend a weight.',
    )
  }
  const isLeft = backends.some(({ service, weight }) => weight > 0 && references.exists(service))
  const instead = isLeft ? 'the other backends share its traffic' : 'nor does any other backend with a weight'
  for (const { service, weight, field } of backends) {
    if (!references.exists(service)) {
      // "A backend with weight 0 may not exist yet": the first step of every roll-out.
      if (weight > 0)
        say(
          'BackendNotFound',
          field,
          `Service ${service} does not exist; ${instead}. Create it, or set the weight to 0 until it exists.`,
        )
    } else if (service !== apex && references.splitsByApex(service).size > 0) {
      say(
        'NestedSplit',
        field,
        `Service ${service} is divided by a split of its own, which is not applied here. Name the Services behind it as backends.`,
      )
    }
  }
  for (const { key, name, field } of when.kind === 'groups' ? when.groups : []) {
    if (!references.hasGroup(key))
      say(
        'RouteNotFound',
        field,
        `HTTPRouteGroup ${quoted(name)} does not exist in namespace ${ref.namespace}; it matches nothing. Create it, or correct the name.`,
      )
  }
  return findings
}
