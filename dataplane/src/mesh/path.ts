/**
 * The path a request is judged by: what Envoy makes of `:path` before it routes or checks access, done once more in
 * JavaScript so that `decide` and the proxies never disagree. The settings are those of our connection managers:
 * normalise (RFC 3986), merge slashes, unescape escaped slashes.
 */

/** The path in normal form, without query and fragment; undefined where Envoy answers 400 instead. */
export function normalPath(target: string): string | undefined {
  const bare = withoutQuery(target)
  if (!bare.startsWith('/')) return bare === '*' ? bare : undefined
  const path = removeDotSegments(
    unescapeUnreserved(bare.replace(/%2f/gi, '/').replace(/%5c/gi, '\\')).replaceAll('\\', '/'),
  )
  return path.replace(/\/{2,}/g, '/')
}

function withoutQuery(target: string): string {
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

/** RFC 3986 §6.2.2.2: an escaped unreserved character is the character itself. */
function unescapeUnreserved(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escaped
  })
}

/** RFC 3986 §5.2.4. */
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
