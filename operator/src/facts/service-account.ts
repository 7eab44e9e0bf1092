/** ServiceAccount → facts: that there is one of that name. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import type { ServiceAccountFacts } from './facts.ts'
import { type Reduced, reduced } from './reduced.ts'

export function serviceAccountFacts(ref: ObjectRef): Reduced<ServiceAccountFacts> {
  return reduced({ namespace: ref.namespace, name: ref.name })
}
