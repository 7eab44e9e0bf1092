/** How far counted shares may be from their weights by chance alone, and how often to count so that nothing else looks like it. */

/** Standard deviations; by chance alone once in two million. */
const TOO_FAR = 5

/** Of so many calls, how many more or fewer than its share may go one way (binomial). */
export function chanceOf(share: number, times: number): number {
  return TOO_FAR * Math.sqrt(times * share * (1 - share))
}

/**
 * Of how many calls shares have to be counted until even ones, which is what comes of no mesh at all, are hardly ever taken for
 * them: chance is allowed to both. 0 for shares that are even themselves.
 */
export function timesToTell(weights: Readonly<Record<string, number>>): number {
  const all = Object.values(weights)
  const sum = all.reduce((total, weight) => total + weight, 0)
  const even = 1 / all.length
  const uneven = all.map(weight => weight / sum).filter(share => share !== even)
  const times = uneven.map(share => ((chanceOf(share, 1) + chanceOf(even, 1)) / (share - even)) ** 2)
  return times.length === 0 ? 0 : Math.ceil(Math.min(...times))
}
