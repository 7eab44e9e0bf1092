/** Numbers for names, kept as long as possible: the subnet of a pod, the cluster IP of a Service. Pure. */

export interface Range {
  readonly first: number
  readonly last: number
}

export interface Allocation {
  /** Every name that ever had a number and whose number nobody needed since, oldest first. */
  readonly numbers: ReadonlyMap<string, number>
  /** Names for which there is no number left. */
  readonly left: readonly string[]
}

/**
 * Gives a number to every name. A name keeps its number over all edits, and gets it back if it returns; only when none was
 * never used is the number taken that has been out of use for the longest time.
 */
export function allocate(before: ReadonlyMap<string, number>, names: Iterable<string>, range: Range): Allocation {
  const wanted = new Set(names)
  const retired = [...before].filter(([name]) => !wanted.has(name))
  const kept = [...before].filter(([name, number]) => wanted.has(name) && number >= range.first && number <= range.last)
  const numbers = new Map([...retired, ...kept])
  const used = new Set(numbers.values())
  const left: string[] = []
  let next = range.first
  for (const name of [...wanted].filter(name => !numbers.has(name)).sort()) {
    while (used.has(next)) next++
    const oldest = retired.shift()
    if (next <= range.last) {
      if (oldest !== undefined) retired.unshift(oldest)
      used.add(next)
      numbers.set(name, next)
    } else if (oldest !== undefined) {
      numbers.delete(oldest[0])
      numbers.set(name, oldest[1])
    } else left.push(name)
  }
  return { numbers, left }
}
