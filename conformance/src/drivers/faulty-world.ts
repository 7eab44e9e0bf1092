/** The objects of a scene as the product gets to see them: as they are, or as a fault takes them for. */
import type { Access, Scene } from '../case.ts'
import type { Fault } from '../faults.ts'
import type { WorldChange } from '../suite/driver.ts'
import type { RawObject } from '../world.ts'
import { SceneWorld } from './scene-world.ts'

export class FaultyWorld {
  readonly world: SceneWorld
  fault: Fault | undefined
  #seen: readonly RawObject[] = []

  constructor(scene: Scene) {
    this.world = new SceneWorld(scene)
  }

  begin(access: Access): readonly RawObject[] {
    this.world.begin(access)
    this.#seen = []
    return this.#see()
  }

  change(change: WorldChange): readonly RawObject[] {
    this.world.change(change)
    return this.#see()
  }

  #see(): readonly RawObject[] {
    const now = this.world.objects()
    this.#seen = this.fault?.objects?.(now, this.#seen) ?? now
    return this.#seen
  }
}
