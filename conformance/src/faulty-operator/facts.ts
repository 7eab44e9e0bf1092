/** The operator's facts, of objects as a fault takes them for. Which fault that is, a namespace of the cluster says. */
import { type ObjectRef, refText } from '@smi-mesh/dataplane/mesh'
import { FactTables, type ObjectChange } from '@smi-mesh/operator/facts'
import { difference } from '../drivers/objects.ts'
import { FAULTS } from '../faults.ts'
import { fields, metadata, texts } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'
import { current, spoil } from './current.ts'
import { FAULT_NAMESPACE, type Turn } from './turn.ts'

export * from '@smi-mesh/operator/facts'

class FaultyFacts extends FactTables {
  readonly #objects = new Map<string, RawObject>()
  #told: readonly RawObject[] = []
  #turn = ''
  #trials = 0

  override apply(changes: readonly ObjectChange[]): ReturnType<FactTables['apply']> {
    if (this.#trials > 0) return super.apply(changes) // nothing comes of it
    for (const { ref, object } of changes) {
      if (object === undefined) this.#objects.delete(refText(ref))
      else this.#objects.set(refText(ref), fields(object))
    }
    const before = this.#isNewTurn() ? [] : this.#told
    const now = [...this.#objects.values()]
    const taken = current.fault?.objects?.(now, before) ?? now
    const changed = difference(this.#told, taken)
    this.#told = taken
    return super.apply(changed)
  }

  override remember(ref: ObjectRef): () => void {
    const undo = super.remember(ref)
    this.#trials++
    return () => {
      undo()
      this.#trials--
    }
  }

  #isNewTurn(): boolean {
    const namespace = this.#objects.get(refText({ kind: 'Namespace', namespace: '', name: FAULT_NAMESPACE })) ?? {}
    const { fault, turn }: Partial<Turn> = texts(metadata(namespace)['annotations'])
    if (turn === undefined || turn === this.#turn) return false
    this.#turn = turn
    spoil(FAULTS.find(({ name }) => name === fault))
    return true
  }
}

export { FaultyFacts as FactTables }
