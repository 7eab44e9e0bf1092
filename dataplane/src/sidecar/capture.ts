/** Which connections of a pod its proxy takes over. Plain data: what the injector writes and the first init container reads. */

/**
 * User and group of the proxy. Connections of this pair are left alone, or it would call itself; those of either alone are the
 * application's. The group is one that no image has by accident, and is within the range of a pod with users of its own.
 */
export const PROXY_ID = 15_000
export const PROXY_GROUP = 15_461

export interface Capture {
  readonly inbound: {
    /** TCP ports that are taken over. */
    readonly ports: 'all' | readonly number[]
    readonly exceptPorts: readonly number[]
  }
  readonly outbound: {
    /** CIDR blocks of destinations that are taken over. */
    readonly ranges: 'all' | readonly string[]
    readonly exceptRanges: readonly string[]
    readonly exceptPorts: readonly number[]
  }
}

export const CAPTURE_ALL: Capture = {
  inbound: { ports: 'all', exceptPorts: [] },
  outbound: { ranges: 'all', exceptRanges: [], exceptPorts: [] },
}

/** The address family of a CIDR block or of an address. */
export function familyOf(range: string): 'ipv4' | 'ipv6' {
  return range.includes(':') ? 'ipv6' : 'ipv4'
}

/** Blocks of one family. */
export function ofFamily(ranges: readonly string[], family: 'ipv4' | 'ipv6'): readonly string[] {
  return ranges.filter(range => familyOf(range) === family)
}
