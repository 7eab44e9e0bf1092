/**
 * The answer to a review of a pod that is being created. What stands in the way of a proxy is an event; it is a refusal where the
 * namespace takes no pod without one.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Fields, fieldsOf } from '../facts/read.ts'
import type { AdmissionRequest, JsonPatch, Verdict } from './admission-review.ts'
import { inject, type SkipReason } from './inject.ts'
import type { InjectContext } from './inject-context.ts'

export interface PodJudged {
  readonly verdict: Verdict
  /** For the pod's owner to see; undefined where there is nothing to tell. */
  readonly event?: { readonly reason: SkipReason | 'AnnotationValue'; readonly message: string }
}

/** Whether a namespace takes pods that should have a proxy and cannot have one; unknown of a namespace that is too new. */
export type Uninjected = 'allow' | 'deny' | 'unknown'

/** A pod whose user wants no proxy is taken all the same. */
export function judgePod(
  request: AdmissionRequest,
  context: Omit<InjectContext, 'namespace'>,
  uninjected: Uninjected,
): PodJudged {
  const { object, operation, namespace } = request
  if (object === undefined || operation !== 'CREATE') return { verdict: { kind: 'allowed', warnings: [] } }
  const injection = inject(object, { ...context, namespace })
  if (injection.kind === 'injected') {
    const { pod, warnings } = injection
    const verdict = { kind: 'allowed', warnings, patch: podPatch(object, pod) } as const
    // Warnings are heard by whoever creates the pod, which is mostly a controller.
    return warnings.length === 0
      ? { verdict }
      : { verdict, event: { reason: 'AnnotationValue', message: warnings.join(' ') } }
  }
  const { reason, message, pod } = injection
  if (message === '') return { verdict: { kind: 'allowed', warnings: [] } }
  const event = { reason, message }
  if (uninjected !== 'allow') {
    return {
      verdict: { kind: 'denied', message: `${message} ${WHY_DENIED[uninjected](namespace)}`, warnings: [] },
      event,
    }
  }
  return { verdict: { kind: 'allowed', warnings: [message], patch: podPatch(object, pod) }, event }
}

const WHY_DENIED = {
  deny: (namespace: string) =>
    `Namespace ${namespace} takes no pod without a proxy (annotation smi-mesh.dev/uninjected: deny).`,
  unknown: (namespace: string) =>
    `Whether namespace ${namespace} takes pods without a proxy is not known yet; create the pod again in a moment.`,
} as const

/** Whole fields, since lists of containers are in an order. Empty where nothing changes. */
export function podPatch(before: Fields, after: Fields): JsonPatch {
  const parts = [
    ['metadata', 'annotations'],
    ['spec', 'initContainers'],
    ['spec', 'containers'],
    ['spec', 'volumes'],
  ] as const
  return parts.flatMap(([part, field]) => {
    const value = fieldsOf(after[part])[field]
    if (isDeepStrictEqual(fieldsOf(before[part])[field], value)) return []
    return [{ op: 'add', path: `/${part}/${field}`, value }]
  })
}
