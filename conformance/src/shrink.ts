/** Cuts a world down to the objects without which something is no longer so. */
import type { RawObject, World } from './world.ts'

/** Who is there stays: proxies are admitted by their pods. */
const CAST: ReadonlySet<unknown> = new Set(['Namespace', 'Pod'])

/** The smallest world found by leaving out one object at a time, in which `holds` is still true. */
export async function shrink(world: World, holds: (smaller: World) => Promise<boolean>): Promise<World> {
  let cut = world
  for (const object of world.objects.filter(object => !CAST.has(object['kind']))) {
    const smaller = without(cut, object)
    if (await holds(smaller)) cut = smaller
  }
  return cut
}

function without({ config, objects }: World, object: RawObject): World {
  return { config, objects: objects.filter(other => other !== object) }
}
