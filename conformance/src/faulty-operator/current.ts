/** Which fault an operator has now, and who wants to know. One process, one operator. */
import type { Fault } from '../faults.ts'

export const current: {
  fault: Fault | undefined
  readonly changed: ((fault: Fault | undefined) => void)[]
} = { fault: undefined, changed: [] }

export function spoil(fault: Fault | undefined): void {
  current.fault = fault
  for (const tell of current.changed) tell(fault)
}
