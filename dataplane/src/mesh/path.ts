/**
 * The path a request is judged by: what Envoy makes of `:path` before it routes or checks access, done once more in
 * JavaScript so that `decide` and the proxies never disagree. The settings are those of our connection managers: normalise
 * (RFC 3986), merge slashes. Every answer in the test was given by Envoy.
 */

/** The path in normal form, without its query; undefined where Envoy answers itself: 400 (a fragment, control characters, no path), 404 (`*`). */
export function normalPath(target: string): string | undefined {
  const path = pathOf(target)
  if (target.includes('#') || !path.startsWith('/') || /[^\x21-\x7e]|%00/.test(path)) return undefined
  return mergeSlashes(removeDotSegments(escapeOdd(unescapeUnreserved(path.replaceAll('\\', '/')))))
}

/** Whether the path holds an escaped slash: inbound proxies answer 400 unless told to keep them, since the application might see another path. */
export function hasEscapedSlash(target: string): boolean {
  return /%2f|%5c/i.test(pathOf(target))
}

/** Without scheme, authority and query. */
function pathOf(target: string): string {
  const origin = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '')
  const end = origin.indexOf('?')
  return end < 0 ? origin : origin.slice(0, end)
}

/** RFC 3986 §6.2.2.2: an escaped unreserved character is the character itself. */
function unescapeUnreserved(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escaped
  })
}

/** Characters that may not stand in a path, and do. */
function escapeOdd(path: string): string {
  return path.replace(/["<>`{}|^]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** RFC 3986 §5.2.4. Empty segments count: slashes are merged afterwards. */
function removeDotSegments(path: string): string {
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (last && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}`
}

/** As Envoy does, which leaves two of a path that is nothing but slashes. */
function mergeSlashes(path: string): string {
  if (!path.includes('//')) return path
  const segments = path.split('/').filter(segment => segment !== '')
  return `/${segments.join('/')}${path.endsWith('/') ? '/' : ''}`
}
