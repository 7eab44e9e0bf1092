/** The kinds of SMI, by all their names. The names are spelled here and in crds/, and a test holds the two together. */

export type Version = 'v1alpha1' | 'v1alpha2' | 'v1alpha3' | 'v1alpha4'

export interface KindInfo {
  readonly kind: string
  readonly group: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  /** Served versions, oldest first. */
  readonly versions: readonly Version[]
  /** The version that is stored, and through which all conversion goes. */
  readonly hub: Version
}

const all: readonly Version[] = ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1alpha4']
const latest: readonly Version[] = ['v1alpha4']

export const KINDS = [
  {
    kind: 'TrafficSplit',
    group: 'split.smi-spec.io',
    plural: 'trafficsplits',
    singular: 'trafficsplit',
    shortNames: ['ts'],
    versions: all,
    hub: 'v1alpha4',
  },
  {
    kind: 'TrafficTarget',
    group: 'access.smi-spec.io',
    plural: 'traffictargets',
    singular: 'traffictarget',
    shortNames: ['tt'],
    versions: all,
    hub: 'v1alpha4',
  },
  {
    kind: 'IdentityBinding',
    group: 'access.smi-spec.io',
    plural: 'identitybindings',
    singular: 'identitybinding',
    shortNames: ['ib'],
    versions: latest,
    hub: 'v1alpha4',
  },
  {
    kind: 'HTTPRouteGroup',
    group: 'specs.smi-spec.io',
    plural: 'httproutegroups',
    singular: 'httproutegroup',
    shortNames: ['htr'],
    versions: all,
    hub: 'v1alpha4',
  },
  {
    kind: 'TCPRoute',
    group: 'specs.smi-spec.io',
    plural: 'tcproutes',
    singular: 'tcproute',
    shortNames: ['tr'],
    versions: all,
    hub: 'v1alpha4',
  },
  {
    kind: 'UDPRoute',
    group: 'specs.smi-spec.io',
    plural: 'udproutes',
    singular: 'udproute',
    shortNames: ['ur'],
    versions: latest,
    hub: 'v1alpha4',
  },
] as const satisfies readonly KindInfo[]

/** One row of the table of kinds. */
export type SmiKind = (typeof KINDS)[number]
export type KindName = SmiKind['kind']

/** `split.smi-spec.io/v1alpha4`, as `apiVersion` spells it. */
export function apiVersionOf(kind: KindInfo, version: Version): string {
  return `${kind.group}/${version}`
}
