/** How an operator is told which fault to have: by annotations of a namespace, which it follows as it does all others. */
import type { Fault } from '../faults.ts'
import type { RawObject } from '../world.ts'

export const FAULT_NAMESPACE = 'smi-conformance-fault'

export interface Turn {
  readonly fault: string
  /** With each one, whatever a fault has kept from before is forgotten. */
  readonly turn: string
}

/** The namespace that says it. */
export function turnManifest(fault: Fault | undefined, turn: number): RawObject {
  const annotations: Turn = { fault: fault?.name ?? '', turn: `${turn}` }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: FAULT_NAMESPACE, annotations } }
}
