/** The order of the five resource types, and which of them a client may ask for without naming anything. */
import { TypeUrl } from '../mesh/resource.ts'

/** Make before break: what is named goes before what names it. */
export const PUSH_ORDER = [
  TypeUrl.cluster,
  TypeUrl.loadAssignment,
  TypeUrl.listener,
  TypeUrl.routeConfiguration,
  TypeUrl.secret,
] as const

const KNOWN: ReadonlySet<string> = new Set(PUSH_ORDER)

/** Whether a request's type is one we serve. */
export function isTypeUrl(text: string): text is TypeUrl {
  return KNOWN.has(text)
}

/** "For Listener and Cluster resource types, there is also a wildcard subscription", even where nobody wrote `*`. */
export function hasLegacyWildcard(type: TypeUrl): boolean {
  return type === TypeUrl.listener || type === TypeUrl.cluster
}

const SHORT: Readonly<Record<TypeUrl, string>> = {
  [TypeUrl.cluster]: 'clusters',
  [TypeUrl.loadAssignment]: 'endpoints',
  [TypeUrl.listener]: 'listeners',
  [TypeUrl.routeConfiguration]: 'routes',
  [TypeUrl.secret]: 'secrets',
}

/** The word for a type in logs, metrics and tables. */
export function typeWord(type: TypeUrl): string {
  return SHORT[type]
}
