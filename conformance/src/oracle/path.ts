/**
 * The path that a rule is read against: without query, with the ways of disguising a path undone, so that `/public/../secret`,
 * `//secret` and `/%73ecret` are judged as `/secret`. SMI says nothing of this; a proxy that forgets it can be walked around.
 */

/** The plain path, or undefined where a request line may not look like that. */
export function plainPath(target: string): string | undefined {
  const [path = ''] = target.split('?')
  if (!path.startsWith('/')) return undefined
  const readable = path
    .replaceAll('\\', '/')
    .replace(/%(2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  return walk(readable.split('/')).replace(/\/+/g, '/')
}

/** Whether a slash is written as `%2F` or `%5C`: to one reader a letter, to another a step, so no rule can mean it. */
export function hidesSlash(target: string): boolean {
  const [path = ''] = target.split('?')
  return /%2f|%5c/i.test(path)
}

/** `.` stays where it is and `..` goes one step up, never above the root. Empty steps are steps. */
function walk(steps: readonly string[]): string {
  const [, ...rest] = steps
  const way: string[] = []
  for (const step of rest) {
    if (step === '..') way.pop()
    else if (step !== '.') way.push(step)
  }
  const end = rest.at(-1)
  return `/${way.join('/')}${(end === '.' || end === '..') && way.length > 0 ? '/' : ''}`
}
