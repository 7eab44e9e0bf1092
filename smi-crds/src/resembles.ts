/** Whether one word may have been meant by another. */

/** One letter too many, too few, or wrong, two swapped, or another case. */
export function resembles(a: string, b: string): boolean {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  if (Math.abs(x.length - y.length) > 1) return false
  let head = 0
  while (head < x.length && x[head] === y[head]) head += 1
  let tail = 0
  while (tail < Math.min(x.length, y.length) - head && x.at(-1 - tail) === y.at(-1 - tail)) tail += 1
  const [left, right] = [x.slice(head, x.length - tail), y.slice(head, y.length - tail)]
  return Math.max(left.length, right.length) < 2 || (left.length === 2 && left === [...right].reverse().join(''))
}
