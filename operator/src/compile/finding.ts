/**
 * What the compiler has to say about a user's object: data, never an exception. The catalogue below is closed; each reason is
 * explained in docs/reference/conditions.md. Knows no Kubernetes status; `status/` turns findings into conditions.
 */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'

export type ConditionType = 'Accepted' | 'ResolvedRefs' | 'Programmed'

interface ReasonEntry {
  readonly condition: ConditionType
  /** `fails`: the condition is False. `warns`: it stays True and carries the reason and the message. */
  readonly effect: 'fails' | 'warns'
  /** What it means, in one sentence. */
  readonly meaning: string
  /** What the user can do about it. */
  readonly remedy: string
}

const accepted = (meaning: string, remedy: string): ReasonEntry => ({
  condition: 'Accepted',
  effect: 'fails',
  meaning,
  remedy,
})
const resolved = (meaning: string, remedy: string): ReasonEntry => ({
  condition: 'ResolvedRefs',
  effect: 'fails',
  meaning,
  remedy,
})
const programmed = (meaning: string, remedy: string): ReasonEntry => ({
  condition: 'Programmed',
  effect: 'fails',
  meaning,
  remedy,
})
const warns = (entry: ReasonEntry): ReasonEntry => ({ ...entry, effect: 'warns' })

/** Every reason there is. The order is the order of gravity within a condition: the first one found names it. */
export const REASONS = {
  SchemaViolation: accepted(
    'The object is not of the shape its API version prescribes, so it is not used; if an earlier version of it was good, that one stays in force.',
    'Correct the field that the message names.',
  ),
  UnknownKind: accepted(
    'The kind or the version does not exist in this SMI API group.',
    'Correct apiVersion and kind.',
  ),
  LimitExceeded: accepted(
    'A list of the object is longer than the mesh takes, so the object is not used; if an earlier version of it was good, that one stays in force.',
    'Split the object into several smaller ones.',
  ),
  AnnotationValue: accepted(
    'An annotation of the mesh has a value that means nothing; the strictest meaning is used.',
    'Use one of the values that the message lists, or remove the annotation.',
  ),
  NameForm: accepted(
    'A Service is named in a way that no Service can be found by.',
    'Write the name of a Service of the same namespace: web, web.shop, web.shop.svc or its fully qualified name.',
  ),
  CrossNamespace: accepted(
    'The object would act on another namespace than its own, which only that namespace may decide.',
    'Move the object to that namespace, or name something in its own.',
  ),
  KindNotSupported: accepted(
    'A reference is of a kind that cannot stand in this place.',
    'Use one of the kinds that the message lists.',
  ),
  AllowsNothing: accepted(
    'A TrafficTarget without sources or without rules allows nothing.',
    'Name at least one source and at least one rule, or delete the object.',
  ),
  Conflicted: accepted(
    'An older TrafficSplit of the same Service takes all requests that this one could ever see.',
    'Delete one of the two, merge them, or give the older one matches.',
  ),
  RegexRefused: accepted(
    'An expression is not valid RE2; the match that holds it matches nothing.',
    'Rewrite the expression in RE2 syntax: no look-around, no back-references, at most 4,096 characters.',
  ),
  HeaderName: accepted(
    'A header name cannot be the name of an HTTP header; the match that holds it matches nothing.',
    'Use letters, digits and hyphens.',
  ),
  DuplicateName: warns(
    accepted(
      'Two matches of a group have the same name; both are meant whenever it is named.',
      'Give each match a name of its own.',
    ),
  ),
  Lenient: warns(
    accepted(
      'The object was understood although it is not written as its API version prescribes.',
      'Rewrite the field that the message names.',
    ),
  ),
  ApexNotFound: resolved(
    'The Service that the TrafficSplit divides does not exist, so the split does nothing.',
    'Create the Service, or correct spec.service.',
  ),
  BackendNotFound: resolved(
    'A backend with a weight does not exist or is of type ExternalName; the other backends, if there are any, share its traffic.',
    'Create the Service, or set the weight to 0 until it exists.',
  ),
  PortNotFound: resolved(
    'A backend has no port of the number that the split Service has; it gets no traffic of that port.',
    'Add the port to the backend Service (its targetPort may differ), or remove the backend.',
  ),
  ProtocolMismatch: resolved(
    'A backend speaks HTTP where the split Service carries bytes; it gets no traffic of that port.',
    'Give both Service ports the same appProtocol.',
  ),
  RouteNotFound: resolved(
    'An HTTPRouteGroup, TCPRoute or UDPRoute that is referred to does not exist in the namespace; the reference matches nothing.',
    'Create it in the namespace of the object that refers to it.',
  ),
  MatchNotFound: resolved(
    'A rule names a match that its HTTPRouteGroup does not have; the name matches nothing.',
    'Correct the name, or add the match to the HTTPRouteGroup.',
  ),
  ServiceAccountNotFound: resolved(
    'A ServiceAccount that is named does not exist and no pod runs under it.',
    'Create it, or correct name and namespace.',
  ),
  IdentityBindingNotFound: resolved(
    'An IdentityBinding that is referred to does not exist; the reference means nobody.',
    'Create it in the namespace that the reference names.',
  ),
  IdentityOutOfScope: resolved(
    'An IdentityBinding names an identity that is not a ServiceAccount of its own namespace in this trust domain; it is left out.',
    'Write <trust domain>/ns/<own namespace>/sa/<service account>, or put the binding in that namespace.',
  ),
  SelectorAmbiguous: resolved(
    'A podLabelSelector fits some pods of a ServiceAccount and not others; identities are ServiceAccounts, so none of them is meant.',
    'Give the selected pods a ServiceAccount of their own.',
  ),
  SelectorMatchesNothing: warns(
    resolved(
      'A podLabelSelector fits no pod at present, so it means nobody.',
      'Correct the labels, or start the pods.',
    ),
  ),
  TargetPortNotFound: resolved(
    'A Service refers to a target port by a name that pods behind it do not declare; those pods get no traffic of that port.',
    'Name the container port, or write its number.',
  ),
  ProtocolConflict: warns(
    resolved(
      'Two Services name different protocols for the same port of the same pods; the older Service is believed.',
      'Give both Service ports the same appProtocol.',
    ),
  ),
  Unsupported: programmed(
    'UDP is accepted and stored, and not carried out: the mesh does not touch UDP traffic.',
    'Protect UDP by a NetworkPolicy.',
  ),
  MatchNeedsHttp: programmed(
    'Paths, methods and headers are asked of a port that carries bytes; there they match nothing.',
    'Set appProtocol: http on the Service port, or use a TCPRoute.',
  ),
  NoUsableBackend: programmed(
    'None of the backends that have a weight can be used, so the Service itself gets the traffic.',
    'Correct the backends that the other messages name.',
  ),
  AllWeightsZero: programmed(
    'All weights are 0, so every request the split applies to is answered 503.',
    'Give at least one backend a weight, or delete the split.',
  ),
  ProxyRejected: programmed(
    'A proxy refused configuration made from this object and keeps what it had.',
    'Read the message; if the object looks right, this is a bug of the mesh: please report it.',
  ),
  NestedSplit: warns(
    programmed(
      'A backend is itself divided by a TrafficSplit, which is not applied a second time.',
      'Name the Services behind it as backends.',
    ),
  ),
} as const satisfies Readonly<Record<string, ReasonEntry>>

export type Reason = keyof typeof REASONS

const ORDER: readonly string[] = Object.keys(REASONS)

/** The catalogue entry of a reason. */
export function reasonEntry(reason: Reason): ReasonEntry {
  return REASONS[reason]
}

export interface Finding {
  readonly about: ObjectRef
  readonly condition: ConditionType
  readonly reason: Reason
  /** The field at fault, e.g. `spec.backends[1].service`; empty where it is none in particular. */
  readonly field: string
  /** What is the matter and what to do, in full sentences. */
  readonly message: string
}

/** A value and what is to be said about the objects it was made from. */
export interface Compiled<T> {
  readonly value: T
  readonly findings: readonly Finding[]
}

/** A finding; its condition follows from the reason. */
export function finding(about: ObjectRef, reason: Reason, field: string, message: string): Finding {
  return { about, condition: REASONS[reason].condition, reason, field, message }
}

/** Total order: by object, then gravity, then field. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    compareText(refText(a.about), refText(b.about)) ||
    ORDER.indexOf(a.reason) - ORDER.indexOf(b.reason) ||
    compareText(a.field, b.field) ||
    compareText(a.message, b.message)
  )
}

/** Sorted, each once, at most `MOST_FINDINGS` of an object: status has to stay readable, and storable. */
export function orderly(findings: readonly Finding[]): readonly Finding[] {
  const sorted = [...findings].sort(compareFindings)
  return sorted
    .filter((one, index) => index === 0 || compareFindings(one, sorted[index - 1] ?? one) !== 0)
    .slice(0, MOST_FINDINGS)
}

const MOST_FINDINGS = 50

/** Code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
